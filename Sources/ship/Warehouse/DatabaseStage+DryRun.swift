import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// What would be copied, and what that would cost.
extension DatabaseStage {
    private struct Planned: Codable {
        var run: String
        var vault: String
        var database: String
        var route: String
        var objects: Int64
        var bytes: Int64
        var carried: Int64
        var isPending: Bool
        var cost: CostEstimate?
    }

    /// Prints the databases that a run would ship.
    func dryRun(_ output: Output) throws -> Int32 {
        var results: [Planned] = []
        let costs = try ShipmentCosts(job.vaults, context.configuration, log: context.log)
        var sums: [String: CostEstimate] = [:]
        let runs = try pendingRuns()
        for run in runs {
            for record in try run.unitRecords(.pack) where context.request.selects(record.unit, tenant: record.unit) {
                let isPending = try context.request.force || shippedRecord(record, run) == nil
                for vault in vaults {
                    let (planned, cost) = try plan(record, run, vault, isPending, costs)
                    if let cost { sums[vault.name, default: CostEstimate()] += cost }
                    results.append(planned)
                }
            }
        }
        if results.isEmpty { try PendingRuns(context).checkSelection(wasPending: !runs.isEmpty) }
        try output.result(results) {
            if results.isEmpty { return "nothing to ship" }
            var table = TextTable(
                ["RUN", "VAULT", "DATABASE", "ROUTE", "OBJECTS", "SIZE", "CARRIED", ""], right: [4, 5, 6])
            for result in results {
                table.add([
                    result.run, result.vault, result.database, result.route, "\(result.objects)",
                    Figures.bytes(result.bytes), "\(result.carried)",
                    result.isPending ? "would be copied" : "is there",
                ])
            }
            let lines = sums.sorted { $0.key < $1.key }.map { costs.line($0.value, vault: $0.key) }
            return ([table.text] + lines).joined(separator: "\n")
        }
        return jobVaults.tellAway(context)
    }

    private func plan(
        _ record: UnitRecord, _ run: RunDirectory, _ vault: BucketVault, _ isPending: Bool, _ costs: ShipmentCosts
    ) throws(Fault) -> (Planned, CostEstimate?) {
        let staged = try DatabaseShipment.staged(try Self.plannedManifest(record), run)
        let reader =
            isPending
            ? try PlannedManifest(staged, record, run, vault, keys(run: run.date, in: vault), self).reader()
            : try ManifestReader(staged)
        var planned = Planned(
            run: run.date.description, vault: vault.name, database: record.unit,
            route: record.inputs["route"] ?? "direct", objects: 0, bytes: 0, carried: 0, isPending: isPending)
        var cost = CostEstimate()
        while let row = try reader.next() {
            if CopyPass.isTaken(row, by: run.date) {
                planned.objects += 1
                planned.bytes += row.entry.size
                // The plan has the class of the job's first vault.
                let storageClass =
                    DestinationKeys.isLog(row.entry.key) ? row.storageClass : vault.settings.storageClass
                if let one = costs.copy(row.entry.size, to: storageClass, vault: vault.name) { cost += one }
            } else if !row.object.isEmpty {
                planned.carried += 1
            }
        }
        if isPending, cost.objects > 0 { planned.cost = cost }
        return (planned, planned.cost)
    }
}
