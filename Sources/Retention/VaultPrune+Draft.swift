import Codec
import Ledger
import Platform
import Staging
import Vault

extension VaultPrune {
    /// Objects of a plan at a time.
    private static let chunk = 1_000

    /// What came of a look at all objects.
    struct Draft {
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

    func draft(
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
                if departures[text] == nil, !blocked.isDisjoint(with: object.tenants) {
                    why.append("waits for approval")
                }
            } else {
                return
            }
            if let departure = departures[text] {
                draft.seen.insert(text)
                object.state = departure.planState(now)
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
    ///
    /// - Parameters:
    ///   - chunk: the objects, each with why it is needed.
    ///   - departures: what is on its way out already.
    ///   - now: the time by the vault's clock.
    ///   - hasLocks: false in a bucket that locks nothing.
    /// - Returns: a decision for each, in their order.
    /// - Throws: the fault of the store.
    func decide(
        _ chunk: [(object: RetentionPlan.Object, kind: Departure.Kind, run: String, why: [String])],
        _ departures: Departures, _ now: Timestamp, hasLocks: Bool = true
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
        let looking = DepartingObjects(vault: vault, layout: layout)
        for (index, item) in decided.items.enumerated() where hasLocks && item.decision == .retire {
            guard let standing = try looking.standing(item.object.key, chunk[index].kind) else { continue }
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
}
