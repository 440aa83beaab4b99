import Codec
import Ledger
import Platform
import Settings
import Staging
import Vault

extension StagingPrune {
    /// Decides about the lists and plans of each database in each run.
    ///
    /// The lists of the newest two inventories stay, and the newest two of each database: they tell what is gone from the
    /// source.
    func databases(_ warehouse: WarehouseSettings, before limit: Timestamp, run only: CivilDate?) throws(Fault)
        -> [Item]
    {
        var needed: CivilDate?
        if case .pair(let pair) = try InventoryPair.find(job, warehouse) { needed = pair.oldest }
        var newest: [String: [CivilDate]] = [:]
        for date in try job.runs().reversed() where stage == .collect {
            guard let run = try job.run(date), try run.stageRecord(.collect)?.state == .done else { continue }
            for record in try run.unitRecords(.collect) where newest[record.unit]?.count ?? 0 < 2 {
                newest[record.unit, default: []].append(date)
            }
        }
        let retired = try RetiredObjects(vaults, history)
        var items: [Item] = []
        for date in try job.runs() where only == nil || only == date {
            try Shutdown.check()
            guard let run = try job.run(date) else { continue }
            let mark = try run.pruneMark()
            for record in try run.unitRecords(stage) {
                var item = Item(
                    run: date.description, unit: record.unit, bytes: record.outputs.reduce(0) { $0 + $1.size },
                    decision: .keep, why: "")
                if mark.time(of: record) != nil {
                    guard try isThere(record, run) else { continue }
                    (item.decision, item.why) = (.pruned, "was not removed to its end")
                } else if stage == .collect, needed.map({ date >= $0 }) ?? true {
                    item.why = needed == nil ? "no two complete inventories" : "one of the newest two inventories"
                } else if newest[record.unit]?.contains(date) ?? false {
                    item.why = "one of the newest two lists of its database"
                } else {
                    switch try verdict(record.unit, run, retired, before: limit) {
                    case .stays(let why): item.why = why
                    case .goes(let why): (item.decision, item.why) = (.prune, why)
                    }
                }
                items.append(item)
            }
        }
        return items
    }

    /// Decides about a database's files: they go when every vault holds its manifest for long enough, or held it until our own
    /// prune has let it go there.
    private func verdict(
        _ unit: String, _ run: RunDirectory, _ retired: RetiredObjects, before limit: Timestamp
    ) throws(Fault) -> Holdings.Verdict {
        guard let collected = try run.unitRecord(.collect, unit), let packed = try run.unitRecord(.pack, unit) else {
            return .stays("it has no list or no plan any more")
        }
        guard !vaults.isEmpty else { return .stays("the job has no vault") }
        guard try OpenRuns.isShipped(collected, run, vaults.map(\.name)) else {
            return .stays("not every vault has it")
        }
        let number = try job.ledger().units(of: run.date)[unit]
        var past: [String] = []
        for vault in vaults {
            guard let shipped = try run.unitRecord(.ship, unit, vault: vault.name), vault.isTold(by: shipped),
                let at = Timestamp(rfc3339: shipped.finishedAt)
            else { return .stays("vault \(vault.name) has no manifest of it") }
            guard at <= limit else { return .stays("keep_local") }
            // The number in the ledger is that of the first vault.
            if let number, vault.name == vaults.first?.name, let own = shipped.counts["number"], own != Int64(number) {
                return .stays("its manifest is not the newest one")
            }
            // With the first vault that lets it go the ledger has it no more.
            if number == nil, try retired.hasFirst(of: shipped, in: vault.name, of: run.date) {
                guard [collected, packed].allSatisfy({ RetiredObjects.isOlder($0, than: shipped) }) else {
                    return .stays(Holdings.isNew(vault.name, run))
                }
                past.append(vault.name)
                continue
            }
            for output in shipped.outputs {
                let key = try ObjectKey(output.path)
                guard let head = try vault.store.head(key) else { return .stays("vault \(vault.name) has lost \(key)") }
                guard head.size == output.size else {
                    return .stays("vault \(vault.name) has \(head.size) bytes as \(key)")
                }
            }
        }
        if number == nil, past.isEmpty {
            return .stays("its manifest is not committed: 'ship \(job.name) --run \(run.date)' does that")
        }
        return .goes(past.isEmpty ? Holdings.isHeld : Holdings.letGo(in: past))
    }
}
