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
                } else if let why = try whyNot(record.unit, run, before: limit) {
                    item.why = why
                } else {
                    (item.decision, item.why) = (.prune, "every vault holds it")
                }
                items.append(item)
            }
        }
        return items
    }

    /// Why a database's files have to stay, or nothing when every vault holds its manifest for long enough.
    private func whyNot(_ unit: String, _ run: RunDirectory, before limit: Timestamp) throws(Fault) -> String? {
        guard let collected = try run.unitRecord(.collect, unit) else { return "it has no list any more" }
        guard !vaults.isEmpty else { return "the job has no vault" }
        guard try OpenRuns.isShipped(collected, run, vaults.map(\.name)) else { return "not every vault has it" }
        guard let number = try job.ledger().units(of: run.date)[unit] else { return "its manifest is not committed" }
        for vault in vaults {
            guard let shipped = try run.unitRecord(.ship, unit, vault: vault.name), vault.isTold(by: shipped),
                let at = Timestamp(rfc3339: shipped.finishedAt)
            else { return "vault \(vault.name) has no manifest of it" }
            guard at <= limit else { return "keep_local" }
            // The number in the ledger is that of the first vault.
            if vault.name == vaults.first?.name, let own = shipped.counts["number"], own != Int64(number) {
                return "its manifest is not the newest one"
            }
            for output in shipped.outputs {
                let key = try ObjectKey(output.path)
                guard let head = try vault.store.head(key) else { return "vault \(vault.name) has lost \(key)" }
                guard head.size == output.size else { return "vault \(vault.name) has \(head.size) bytes as \(key)" }
            }
        }
        return nil
    }
}
