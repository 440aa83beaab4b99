import Codec
import Ledger
import Platform
import Vault
import Warehouse

extension DatabasePrune {
    /// How far the manifests are on their way out with which lists go.
    struct ListFate {
        /// One of them stays.
        var isKept = false
        /// All are marked, or about to be by this very plan: what is left of them goes first.
        var areMarked = true

        /// - Parameters:
        ///   - decision: about a manifest.
        ///   - isDeparting: whether it was on its way out before.
        mutating func add(_ decision: VaultPrunePlan.Decision, isDeparting: Bool) {
            switch decision {
            case .keep, .release: isKept = true
            // It has not begun to go.
            case .wait where !isDeparting: isKept = true
            case .wait, .quarantine: areMarked = false
            case .retire, .leave, .expire, .gone: break
            }
        }
    }

    /// Decides about the lists and reports of S3 Batch Operations in the vault's bucket: they go with the manifests of
    /// their database and run, and never before.
    func lists(_ work: Work) throws(Fault) {
        let places = BatchPlaces(job: prune.layout.job)
        let (fates, units) = fates(work)
        var chunk: [PruneCandidate] = []
        func decide() throws(Fault) {
            for (candidate, item) in try prune.decide(chunk, work.now, hasLocks: work.hasLocks) {
                let owner = places.owner(of: candidate.object.key)
                take(item, owner.flatMap { fates[.init(run: $0.run, unit: $0.unit)] }, work)
            }
            chunk.removeAll(keepingCapacity: true)
        }
        try prune.vault.store.list(prefix: places.prefix) { key, head in
            try Shutdown.check()
            let name = key.description
            guard let (run, unit) = places.owner(of: name) else {
                work.plan.unknown += 1
                return
            }
            var object = RetentionPlan.Object(
                key: name, size: head.size, storageClass: head.storageClass, created: head.modified,
                tenants: unit.isEmpty ? units[run] ?? [] : [unit])
            var why: [String] = []
            if fates[.init(run: run, unit: unit)]?.isKept ?? false { why.append("the manifest of its run") }
            if prune.open.dates.contains(run) { why.append("an open run") }
            if let departure = work.departures[name] {
                work.seen.insert(KeyDigest(name))
                object.state = departure.planState(work.now)
                if departure.state == .releasing { why.append("was being taken back") }
            }
            chunk.append(PruneCandidate(object: object, kind: .list, run: run.description, why: why))
            if chunk.count >= 1_000 { try decide() }
        }
        try decide()
    }

    private func take(_ decided: VaultPrunePlan.Item, _ fate: ListFate?, _ work: Work) {
        var item = decided
        if item.decision == .retire, let fate, !fate.areMarked {
            (item.decision, item.why) = (.wait, ["its manifest goes first"])
        }
        let room = min(Self.mostAtOnce, Self.mostDeparting - work.departures.count) - work.starting
        switch item.decision {
        case .keep:
            work.plan.kept += 1
            work.plan.keptBytes += item.bytes
        case .quarantine where room <= 0, .wait: work.plan.waiting = (work.plan.waiting ?? 0) + 1
        case .quarantine:
            work.starting += 1
            item.why = ["no manifest of its run is kept"]
            work.plan.items.append(item)
        default: work.plan.items.append(item)
        }
    }

    /// What becomes of the manifests of each database and run, and under an empty name of all of a run; and the databases
    /// of each run.
    private func fates(_ work: Work) -> (fates: [OpenRuns.Place: ListFate], units: [CivilDate: [String]]) {
        var fates: [OpenRuns.Place: ListFate] = [:]
        var units: [CivilDate: Set<String>] = [:]
        for manifest in work.census.manifests where manifest.head != nil {
            let name = manifest.key.description
            let decision = work.manifests[name] ?? .keep
            for unit in [manifest.unit, ""] {
                fates[.init(run: manifest.run, unit: unit), default: .init()]
                    .add(decision, isDeparting: work.departures[name] != nil)
            }
            units[manifest.run, default: []].insert(manifest.unit)
        }
        return (fates, units.mapValues { $0.sorted() })
    }
}
