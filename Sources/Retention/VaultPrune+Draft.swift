import Codec
import Ledger
import Platform
import Staging
import Vault

extension VaultPrune {
    /// Objects of a plan at a time.
    static let chunk = 1_000
    /// Requests at once.
    private static let looksAtOnce = 8

    /// What came of a look at all objects.
    struct Draft {
        /// What is not simply kept, with its decision.
        var items: [(candidate: PruneCandidate, item: VaultPrunePlan.Item)] = []
        /// Keys of objects on their way out that are there.
        var seen: Set<KeyDigest> = []
        var kept = 0
        var keptBytes: Int64 = 0
        var unknown = 0
        /// What nothing needs, and waits for its turn or its age.
        var waiting = 0
        /// What stands for the keys of what is marked and is not among the items, and their bytes.
        var left: Set<KeyDigest> = []
        var leftBytes: Int64 = 0
        /// Archives by tenant: all that are not on their way out yet, and those that nothing needs any more.
        var all: [String: Int] = [:]
        var going: [String: Int] = [:]

        mutating func keep(_ item: VaultPrunePlan.Item) {
            kept += 1
            keptBytes += item.bytes
        }
    }

    func draft(_ needs: PruneNeeds, _ departures: Departures, _ now: Timestamp) throws(Fault) -> Draft {
        var draft = Draft()
        var chunk: [PruneCandidate] = []
        func decide() throws(Fault) {
            for (candidate, item) in try self.decide(chunk, now) {
                if item.kind == .archive, departures[item.object] == nil {
                    for tenant in item.tenants {
                        draft.all[tenant, default: 0] += 1
                        if item.decision == .quarantine, candidate.day > departures.approvedDay(tenant) {
                            draft.going[tenant, default: 0] += 1
                        }
                    }
                }
                switch item.decision {
                case .keep: draft.keep(item)
                case .quarantine where candidate.isLate: draft.waiting += 1
                // It is only shown, and decided about anew each time.
                case .wait where draft.items.count >= request.mostShown: draft.waiting += 1
                // The vault deletes it, and months of it may wait for that.
                case .leave where draft.items.count >= request.mostShown:
                    draft.left.insert(KeyDigest(item.object))
                    draft.leftBytes += item.bytes
                default: draft.items.append((candidate, item))
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
            var run = ""
            if let manifest = needs.manifest(text) {
                kind = .manifest
                (object.tenants, run) = (manifest.tenants, manifest.run.description)
            } else if MemberCodec(ofName: text) != nil {
                kind = .archive
                if let known = needs.table.known(KeyDigest(key.bytes)) {
                    object.tenants = known.tenants
                    run = known.run?.description ?? ""
                } else if let departure = departures[text] {
                    // The manifests that named it are gone already.
                    (object.tenants, run) = (departure.tenants, departure.run)
                } else {
                    draft.unknown += 1
                    return
                }
            } else {
                return
            }
            if let departure = departures[text] {
                draft.seen.insert(KeyDigest(key.bytes))
                object.state = departure.planState(now)
            }
            let why = needs.why(text, kind, tenants: object.tenants)
            let day = why.isEmpty ? needs.day(text, kind) : Int32.min
            chunk.append(
                PruneCandidate(
                    object: object, kind: kind, run: run, why: why, day: day, isLate: day > needs.lastDay))
            if chunk.count >= Self.chunk { try decide() }
        }
        try decide()
        return draft
    }

    /// Decides anew about what was not simply kept, now that more of it is needed.
    func reconsider(_ draft: inout Draft, _ needs: PruneNeeds, _ now: Timestamp) throws(Fault) {
        let candidates = draft.items.map { item in
            var candidate = item.candidate
            let object = candidate.object
            candidate.why = needs.why(object.key, candidate.kind, tenants: object.tenants)
            return candidate
        }
        draft.items.removeAll()
        for (candidate, item) in try decide(candidates, now, hasLocks: false) {
            if item.decision == .keep { draft.keep(item) } else { draft.items.append((candidate, item)) }
        }
    }

    /// Decides about some objects; those that would be marked are looked at once more, with their locks.
    ///
    /// - Parameters:
    ///   - candidates: the objects, each with why it is needed.
    ///   - now: the time by the vault's clock.
    ///   - hasLocks: false in a bucket that locks nothing, and for what was looked at.
    /// - Returns: each with what is known of it now, and its decision, in their order.
    /// - Throws: the fault of the store.
    func decide(_ candidates: [PruneCandidate], _ now: Timestamp, hasLocks: Bool = true) throws(Fault)
        -> [(candidate: PruneCandidate, item: VaultPrunePlan.Item)]
    {
        var candidates = candidates
        func plan() -> RetentionPlan {
            let reasons = Dictionary(
                candidates.map { ($0.object.key, $0.why) }, uniquingKeysWith: { first, _ in first })
            return RetentionPlan(
                candidates.map(\.object), references: { reasons[$0] ?? [] }, policy: request.policy,
                holds: request.holds, now: now, today: CivilDate(localDayOf: now),
                expires: request.expires && !vault.store.removesByItself)
        }
        var decided = plan()
        if hasLocks {
            let retiring = decided.items.indices.filter { decided.items[$0].decision == .retire }
            let standings = try standings(retiring.map { ($0, candidates[$0].object.key, candidates[$0].kind) })
            for (index, standing) in standings {
                candidates[index].object.lockedUntil = standing.lockedUntil
                candidates[index].object.isHeldByStore = standing.isHeld
            }
            if !standings.isEmpty { decided = plan() }
        }
        return zip(decided.items, candidates).map { item, candidate in
            (candidate, Self.item(item, candidate.kind, candidate.run, request.fees, now))
        }
    }

    /// What the store says of the locks of some objects, several asked for at once.
    private func standings(_ objects: [(index: Int, key: String, kind: Departure.Kind)]) throws(Fault)
        -> [Int: ObjectStanding]
    {
        let looking = DepartingObjects(vault: vault, layout: layout)
        let found = Monitor<[Int: ObjectStanding]>([:])
        try ThreadCrew.each(objects, atOnce: atOnce(Self.looksAtOnce), "prune") { object throws(Fault) in
            guard let standing = try looking.standing(object.key, object.kind) else { return }
            found.with { $0[object.index] = standing }
        }
        return found.with { $0 }
    }

    /// Requests at once: in a bucket nearly all of it is waiting for answers; a disk would only seek.
    func atOnce(_ many: Int) -> Int { vault.store.removesByItself ? many : 1 }

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
}
