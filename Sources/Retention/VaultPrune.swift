import Codec
package import Ledger
package import Logging
package import Platform
package import Staging
package import Vault

/// Retention of one vault: decides what may go, and lets it go by quarantine, mark and the vault's own rules.
///
/// It runs under the lock of the ledger, which the commit of manifests takes, too.
package struct VaultPrune: Sendable {
    package struct Request: Sendable {
        package var policy: RetentionPolicy
        package var maxVanished: Double
        package var holds: [LegalHold]
        /// Tenants of which much may go at once.
        package var approved: Set<String> = []
        /// Whether what is marked for longer than the grace is removed where the vault has no rules of its own.
        package var expires = false
        package var fees: PruneFees?

        package init(policy: RetentionPolicy, maxVanished: Double = 0.1, holds: [LegalHold] = []) {
            self.policy = policy
            self.maxVanished = maxVanished
            self.holds = holds
        }
    }

    let job: JobDirectory
    let vault: OpenVault
    let layout: VaultLayout
    let open: OpenRuns
    let cache: ReferenceCache
    let request: Request
    let clock: Clock
    let log: Logger
    /// Called before each change with its name, so that a test can do there what a kill does.
    let onStep: @Sendable (_ step: String) throws(Fault) -> Void

    /// How far the local clock may be from that of the vault, in seconds: beyond it nobody knows which one is wrong.
    private static let tolerableSkew = 900.0
    /// Objects of a plan at a time.
    private static let chunk = 1_000

    package init(
        _ vault: OpenVault, of job: JobDirectory, open: OpenRuns, cache: ReferenceCache, _ request: Request,
        clock: Clock, log: Logger, onStep: @escaping @Sendable (_ step: String) throws(Fault) -> Void = { _ in }
    ) {
        self.vault = vault
        self.job = job
        layout = VaultLayout(job: job.name)
        self.open = open
        self.cache = cache
        self.request = request
        self.clock = clock
        self.log = log
        self.onStep = onStep
    }

    // MARK: Planning

    /// Decides about everything in the vault that the job's manifests name.
    ///
    /// - Parameter departures: what is on its way out already.
    /// - Throws: `unsupported` for a lifecycle that is dangerous, or a clock that is far off; `damaged` for a manifest that
    ///   can't be read: what it names is not known then; the fault of the store.
    package func plan(_ departures: Departures) throws(Fault) -> VaultPrunePlan {
        let now = try moment()
        var plan = VaultPrunePlan(vault: vault.name, place: vault.store.description, now: now)
        if let rules = try vault.store.deletionRules() {
            try rules.check(vault.store.description)
            plan.lacksRule = !rules.deletesRetired
        }
        let census = try ManifestCensus(self, now: now)
        var reasons = census.reasons(policy: request.policy, holds: request.holds, open: open, now: now)
        var draft = try draft(census, reasons, departures, now, blocked: [])
        let trips = trips(draft, census, reasons, departures, now)
        plan.approved = trips.filter { request.approved.contains($0.group) }.map(\.group)
        let refused = trips.filter { !request.approved.contains($0.group) }
        if !refused.isEmpty {
            plan.trips = refused.map { .init(tenant: $0.group, going: $0.going, all: $0.all) }
            let blocked = Set(refused.map(\.group))
            for (index, manifest) in census.manifests.enumerated()
            where departures[manifest.key.description] == nil && !blocked.isDisjoint(with: manifest.tenants) {
                reasons[index].append("waits for approval")
            }
            draft = try self.draft(census, reasons, departures, now, blocked: blocked)
        }
        plan.items = draft.items
        (plan.kept, plan.keptBytes, plan.unknown) = (draft.kept, draft.keptBytes, draft.unknown)
        plan.runs = zip(census.manifests, reasons).map { manifest, why in
            .init(
                run: manifest.run.description, unit: manifest.unit, number: manifest.number, isKept: !why.isEmpty,
                why: why.isEmpty && !manifest.isNewestNumber ? ["superseded"] : why)
        }
        plan.items += try lost(draft.seen, departures, now)
        return plan
    }

    /// The time by the vault's clock, which must be about ours.
    private func moment() throws(Fault) -> Timestamp {
        let now = try vault.store.moment()
        let skew = clock.now().since(now)
        guard abs(skew) <= Self.tolerableSkew else {
            throw Fault(
                .unsupported,
                "the clock here is \(Int(abs(skew))) s \(skew > 0 ? "ahead of" : "behind") that of \(vault.store.description): nothing is retired by a clock that may be wrong",
                hint: "Set this machine's clock right; 'timedatectl' shows it.")
        }
        return now
    }

    /// What came of a look at all objects.
    private struct Draft {
        var items: [VaultPrunePlan.Item] = []
        /// Keys of objects on their way out that are there.
        var seen: Set<String> = []
        var kept = 0
        var keptBytes: Int64 = 0
        var unknown = 0
        /// Archives by tenant: all that are not on their way out yet, and those that would begin.
        var all: [String: Int] = [:]
        var going: [String: Int] = [:]
    }

    private func draft(
        _ census: ManifestCensus, _ reasons: [[String]], _ departures: Departures, _ now: Timestamp,
        blocked: Set<String>
    ) throws(Fault) -> Draft {
        let table = try census.table(kept: reasons.map { !$0.isEmpty }, self)
        let needed = try neededByOpenRuns()
        var numbers: [String: Int] = [:]
        for (index, manifest) in census.manifests.enumerated() { numbers[manifest.key.description] = index }
        var draft = Draft()
        var chunk: [(object: RetentionPlan.Object, kind: Departure.Kind, run: String, why: [String])] = []
        func decide() throws(Fault) {
            for item in try self.decide(chunk, departures, now) {
                if item.kind == .archive, departures[item.object] == nil {
                    for tenant in item.tenants {
                        draft.all[tenant, default: 0] += 1
                        if item.decision == .quarantine { draft.going[tenant, default: 0] += 1 }
                    }
                }
                if item.decision == .keep {
                    draft.kept += 1
                    draft.keptBytes += item.bytes
                } else {
                    draft.items.append(item)
                }
            }
            chunk.removeAll(keepingCapacity: true)
        }
        try vault.store.list(prefix: "\(layout.job)/") { key, head in
            try Shutdown.check()
            let text = key.description
            guard !text.hasPrefix(layout.auditPrefix) else { return }
            var object = RetentionPlan.Object(
                key: text, size: head.size, storageClass: head.storageClass, created: head.modified)
            let kind: Departure.Kind
            var (run, why) = ("", [String]())
            if let index = numbers[text] {
                kind = .manifest
                let manifest = census.manifests[index]
                (object.tenants, run, why) = (manifest.tenants.sorted(), manifest.run.description, reasons[index])
            } else if MemberCodec(ofName: text) != nil {
                kind = .archive
                if let known = table.known(text) {
                    object.tenants = known.tenants
                    run = known.run?.description ?? ""
                    if let keeper = known.keeper { why.append(census.manifests[keeper].name) }
                } else if let departure = departures[text] {
                    // The manifests that named it are gone already.
                    (object.tenants, run) = (departure.tenants, departure.run)
                } else {
                    draft.unknown += 1
                    return
                }
                if let date = needed[text] { why.append("open run \(date)") }
                if departures[text] == nil, !blocked.isDisjoint(with: object.tenants) { why.append("waits for approval") }
            } else {
                return
            }
            if let departure = departures[text] {
                draft.seen.insert(text)
                switch departure.state {
                case .quarantined: object.state = .quarantined(since: departure.since)
                case .retired: object.state = .retired(at: departure.since)
                // It was removed and has come back: it begins anew.
                case .gone: object.state = .live
                case .releasing: object.state = .quarantined(since: now)
                }
                // Whatever has come of it since, what was begun is ended.
                if departure.state == .releasing { why.append("was being taken back") }
            }
            chunk.append((object, kind, run, why))
            if chunk.count >= Self.chunk { try decide() }
        }
        try decide()
        return draft
    }

    /// Decides about some objects; those that would be marked are looked at once more, with their locks.
    private func decide(
        _ chunk: [(object: RetentionPlan.Object, kind: Departure.Kind, run: String, why: [String])],
        _ departures: Departures, _ now: Timestamp
    ) throws(Fault) -> [VaultPrunePlan.Item] {
        var objects = chunk.map(\.object)
        let reasons = Dictionary(chunk.map { ($0.object.key, $0.why) }, uniquingKeysWith: { first, _ in first })
        func plan() -> RetentionPlan {
            RetentionPlan(
                objects, references: { reasons[$0] ?? [] }, policy: request.policy, holds: request.holds, now: now,
                today: CivilDate(localDayOf: now), expires: request.expires && !vault.store.removesByItself)
        }
        var decided = plan()
        var isLockKnown = false
        for (index, item) in decided.items.enumerated() where item.decision == .retire {
            guard let standing = try vault.store.standing(try ObjectKey(item.object.key)) else { continue }
            objects[index].lockedUntil = standing.lockedUntil
            objects[index].isHeldByStore = standing.isHeld
            isLockKnown = true
        }
        if isLockKnown { decided = plan() }
        return zip(decided.items, chunk).map { item, source in
            Self.item(item, source.kind, source.run, request.fees, now)
        }
    }

    private static func item(
        _ item: RetentionPlan.Item, _ kind: Departure.Kind, _ run: String, _ fees: PruneFees?, _ now: Timestamp
    ) -> VaultPrunePlan.Item {
        let object = item.object
        var result = VaultPrunePlan.Item(
            object: object.key, kind: kind, bytes: object.size, storageClass: object.storageClass,
            created: object.created.rfc3339, tenants: object.tenants, run: run, decision: .keep, why: [])
        switch item.decision {
        case .keep(let why): result.why = why
        case .release(let why): (result.decision, result.why) = (.release, why)
        case .wait(let until, let why):
            (result.decision, result.until, result.why) = (.wait, until.rfc3339, [why])
        case .quarantine: (result.decision, result.why) = (.quarantine, ["nothing needs it"])
        case .retire: (result.decision, result.why) = (.retire, ["its quarantine is over"])
        case .leave: (result.decision, result.why) = (.leave, ["is retired"])
        case .expire: (result.decision, result.why) = (.expire, ["its grace is over"])
        }
        switch item.decision {
        case .quarantine, .retire, .expire, .wait:
            result.fee = fees?.fee(object.size, object.storageClass, created: object.created, now: now)
        default: break
        }
        return result
    }

    /// Keys that the open runs carry from or have just shipped, each with the date of one of the runs.
    private func neededByOpenRuns() throws(Fault) -> [String: CivilDate] {
        var needed: [String: CivilDate] = [:]
        try open.forEachCarried { row, run in needed[row.object] = run }
        if let date = open.units.first?.run.date {
            for key in try open.shipped(to: vault.name) { needed[key] = needed[key] ?? date }
        }
        return needed
    }

    /// The tenants of which more than the share would go.
    ///
    /// As many runs as days have gone by since the last prune are the policy at work, and no accident.
    private func trips(
        _ draft: Draft, _ census: ManifestCensus, _ reasons: [[String]], _ departures: Departures, _ now: Timestamp
    ) -> [RetentionBreaker.Trip] {
        var expiring: Set<CivilDate> = []
        for (manifest, why) in zip(census.manifests, reasons)
        where why.isEmpty && manifest.isNewestNumber && departures[manifest.key.description] == nil {
            expiring.insert(manifest.run)
        }
        let days = departures.prunedAt.map { Int(now.since($0) / 86_400) } ?? 1
        guard expiring.count > max(1, days) else { return [] }
        return RetentionBreaker(limit: request.maxVanished).trips(going: draft.going, of: draft.all)
    }

    /// What was on its way out and is not there any more.
    private func lost(_ seen: Set<String>, _ departures: Departures, _ now: Timestamp) throws(Fault)
        -> [VaultPrunePlan.Item]
    {
        var items: [VaultPrunePlan.Item] = []
        for (key, departure) in departures.entries.sorted(by: { $0.key < $1.key })
        where !seen.contains(key) && departure.state != .gone {
            try Shutdown.check()
            // A listing that lacks it is not enough: only a clear "not there" is.
            guard try vault.store.head(try ObjectKey(key)) == nil else { continue }
            items.append(
                .init(
                    object: key, kind: departure.kind, bytes: departure.size, storageClass: departure.storageClass,
                    created: departure.created.rfc3339, tenants: departure.tenants, run: departure.run, decision: .gone,
                    why: [departure.state == .quarantined ? "was only in quarantine" : "the vault has it no more"]))
        }
        return items
    }
}
