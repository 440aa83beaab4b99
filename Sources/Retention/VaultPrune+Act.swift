import Codec
import Ledger
package import Platform
import Staging
import Vault

extension VaultPrune {
    /// What carrying out a plan came to.
    package struct Outcome: Sendable {
        package var done: [VaultPrunePlan.Decision: Int] = [:]
        /// Objects of which something went wrong; the next prune goes on with them.
        package var failed: [Failure] = []

        package init() {}
    }

    package struct Failure: Codable, Sendable, Equatable {
        package var object: String
        package var why: String

        package init(object: String, why: String) {
            self.object = object
            self.why = why
        }
    }

    /// Objects that are marked or removed at once.
    private static let marksAtOnce = 8

    /// Carries a plan out, in an order in which it may end between any two steps: what was decided is told first, then what
    /// an object is becoming stands in the ledger, and only then something happens to it.
    ///
    /// - Parameters:
    ///   - plan: as ``plan(_:)`` gave it under the lock that is still held.
    ///   - departures: what is on its way out; they are saved as they change.
    /// - Returns: what was done, and what failed alone.
    /// - Throws: what would keep everything from being done.
    package func carryOut(_ plan: VaultPrunePlan, _ departures: inout Departures) throws(Fault) -> Outcome {
        guard let now = Timestamp(rfc3339: plan.now) else { throw Fault(.damaged, "the plan has no time") }
        let batch = RandomID.make()
        var outcome = Outcome()
        try tell(plan, batch, now)

        let released = plan.items(.release)
        try release(released, &departures, batch, now, &outcome)

        let quarantined = plan.items(.quarantine)
        for item in quarantined { departures[item.object] = departure(item, .quarantined, now, batch) }
        outcome.done[.quarantine] = quarantined.count

        // First in the ledger, so that whatever is marked is known to be.
        let retiring = plan.items(.retire)
        for item in retiring { departures[item.object] = departure(item, .retired, now, batch) }
        if !plan.approved.isEmpty, let run = plan.newestGoing {
            departures.approve(plan.approved, through: run)
        } else if plan.waiting == nil {
            departures.forgetApprovals()
        }
        try onStep("departures")
        try departures.save(prunedAt: now)

        // Manifests before what they name, and out of the ledger before they are marked: no run begins to build on one.
        // What was marked before is marked again: whoever was killed may not have come to it.
        let marked = retiring + plan.items(.leave) + plan.items(.expire)
        for kind in [Departure.Kind.manifest, .list, .archive, .object, .snapshot] {
            outcome.failed += try mark(marked.filter { $0.kind == kind }, kind, departures, now)
            outcome.failed += try markLeft(plan.left, kind, departures, now)
        }
        outcome.done[.retire] = retiring.count

        try expire(plan.items(.expire), &departures, batch, now, &outcome)
        try end(plan.items(.gone), &departures, batch, now, &outcome)
        try onStep("last")
        try departures.save(prunedAt: now)
        return outcome
    }

    private func departure(
        _ item: VaultPrunePlan.Item, _ state: Departure.State, _ now: Timestamp, _ batch: String
    ) -> Departure {
        Departure(
            key: item.object, kind: item.kind, state: state, since: now, batch: batch, size: item.bytes,
            created: Timestamp(rfc3339: item.created) ?? now, storageClass: item.storageClass, tenants: item.tenants,
            run: item.run)
    }

    /// An archive or a manifest with what lies beside it, in the order in which they go.
    private func group(_ item: VaultPrunePlan.Item) throws(Fault) -> [ObjectKey] {
        try DepartingObjects(vault: vault, layout: layout).group(item.object, item.kind)
    }

    private func withManifest(_ object: String, _ body: (CivilDate, String, Int) throws(Fault) -> Void) throws(Fault) {
        guard let manifest = layout.manifest(try ObjectKey(object)) else { return }
        try body(manifest.run, manifest.unit, manifest.number)
    }

    // MARK: Marking

    /// Marks some things of one kind; manifests are taken out of the ledger before.
    private func mark(
        _ items: [VaultPrunePlan.Item], _ kind: Departure.Kind, _ departures: Departures, _ now: Timestamp
    ) throws(Fault) -> [Failure] {
        if kind == .manifest {
            for item in items {
                try onStep("ledger")
                try withManifest(item.object) { run, unit, number throws(Fault) in
                    try job.ledger().retire(run: run, unit: unit, number: number)
                }
            }
        }
        let objects = DepartingObjects(vault: vault, layout: layout)
        let dates = Dictionary(
            items.map { ($0.object, departures[$0.object]?.since ?? now) }, uniquingKeysWith: { first, _ in first })
        return try forEach(items) { item throws(Fault) in
            let mark = Retirement(at: dates[item.object] ?? now, run: item.run)
            try objects.retire(item.object, kind, mark, grace: request.policy.grace, onStep: onStep)
        }
    }

    /// Marks what is beyond the items of a plan, some at a time.
    private func markLeft(
        _ left: Set<KeyDigest>, _ kind: Departure.Kind, _ departures: Departures, _ now: Timestamp
    ) throws(Fault) -> [Failure] {
        var failed: [Failure] = []
        guard !left.isEmpty else { return failed }
        var chunk: [VaultPrunePlan.Item] = []
        for departure in departures where departure.kind == kind && departure.state == .retired {
            guard left.contains(KeyDigest(departure.key)) else { continue }
            chunk.append(
                VaultPrunePlan.Item(
                    object: departure.key, kind: kind, bytes: departure.size, storageClass: departure.storageClass,
                    created: departure.created.rfc3339, tenants: departure.tenants, run: departure.run,
                    decision: .leave, why: []))
            if chunk.count == Self.chunk {
                failed += try mark(chunk, kind, departures, now)
                chunk.removeAll(keepingCapacity: true)
            }
        }
        return try failed + mark(chunk, kind, departures, now)
    }

    // MARK: Back and away

    /// Takes objects back: in the ledger they are being released until their marks are off.
    private func release(
        _ items: [VaultPrunePlan.Item], _ departures: inout Departures, _ batch: String, _ now: Timestamp,
        _ outcome: inout Outcome
    ) throws(Fault) {
        guard !items.isEmpty else { return }
        let releasing = Releasing(vault: vault, job: job, layout: layout, onStep: onStep)
        for item in items where departures[item.object] == nil {
            departures[item.object] = departure(item, .releasing, now, batch)
        }
        let result = try releasing.release(items.map(\.object), &departures, at: now)
        outcome.failed += result.failed
        outcome.done[.release] = items.count - result.failed.count
    }

    /// Removes what is marked for longer than the grace: manifests first.
    private func expire(
        _ items: [VaultPrunePlan.Item], _ departures: inout Departures, _ batch: String, _ now: Timestamp,
        _ outcome: inout Outcome
    ) throws(Fault) {
        let limit = now.adding(days: -request.policy.grace)
        for kind in [Departure.Kind.manifest, .list, .archive] {
            let ours = items.filter { $0.kind == kind }
            let gone = Monitor<[String]>([])
            let failed = try forEach(ours) { item throws(Fault) in
                var isGone = true
                for key in try group(item) {
                    try onStep("remove")
                    if try !vault.store.remove(key, retiredBefore: limit) { isGone = false }
                }
                guard isGone else { throw Fault(.changed, "\(item.object): its mark has changed meanwhile") }
                gone.with { $0.append(item.object) }
            }
            outcome.failed += failed
            for object in gone.with({ $0 }) {
                departures[object]?.state = .gone
                departures[object]?.since = now
            }
            outcome.done[.expire, default: 0] += ours.count - failed.count
        }
    }

    /// Notes what the vault has no more, and forgets what nobody can take back any longer.
    private func end(
        _ items: [VaultPrunePlan.Item], _ departures: inout Departures, _ batch: String, _ now: Timestamp,
        _ outcome: inout Outcome
    ) throws(Fault) {
        for item in items {
            if request.expires, !vault.store.removesByItself {
                // Whoever was killed has left what lies beside it.
                for key in try group(item) { _ = try vault.store.remove(key, retiredBefore: now) }
            }
            // Not every vault holds it any more.
            if item.kind == .manifest {
                try withManifest(item.object) { run, unit, number throws(Fault) in
                    try job.ledger().retire(run: run, unit: unit, number: number)
                }
            }
            departures[item.object]?.state = .gone
            departures[item.object]?.since = now
        }
        outcome.done[.gone] = items.count
        let limit = now.adding(days: -request.policy.grace)
        for departure in departures.filter({ $0.state == .gone && $0.since <= limit }) {
            if departure.kind == .manifest {
                try onStep("drop")
                try withManifest(departure.key) { run, unit, number throws(Fault) in
                    try job.ledger().drop(run: run, unit: unit, number: number)
                }
            }
            departures[departure.key] = nil
        }
    }

    /// Does something to several items at once; one that fails keeps no other back.
    private func forEach(
        _ items: [VaultPrunePlan.Item], _ body: @escaping @Sendable (VaultPrunePlan.Item) throws(Fault) -> Void
    ) throws(Fault) -> [Failure] {
        let failed = Monitor<[Failure]>([])
        try ThreadCrew.each(items, atOnce: atOnce(Self.marksAtOnce), "prune") { item throws(Fault) in
            do throws(Fault) { try body(item) } catch {
                if [.interrupted, .unreachable, .unmounted].contains(error.code) { throw error }
                failed.with { $0.append(Failure(object: item.object, why: error.description)) }
            }
        }
        return failed.with { $0 }
    }
}
