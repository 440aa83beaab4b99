import Archive
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault

/// What would be shipped, and what that would cost.
extension ShipStage {
    private struct DryRun: Codable {
        var run: String
        var vault: String
        var key: String
        var bytes: Int64
        var isPending: Bool
        /// Of what would be shipped into a bucket.
        var cost: CostEstimate?
    }

    /// Prints the archives that a run would ship.
    func dryRun(_ output: Output) throws -> Int32 {
        var results: [DryRun] = []
        let costs = try ShipmentCosts(job.vaults, context.configuration, log: context.log)
        var sums: [String: CostEstimate] = [:]
        let runs = try pendingRuns()
        for run in runs {
            let packed = try run.unitRecords(.pack)
            for vault in vaults {
                for record in packed
                where context.request.selects(record.unit, tenant: record.tenant) {
                    let isPending = try context.request.force || shippedRecord(record, run, vault) == nil
                    let cost = isPending ? costs.estimate(record, vault: vault.name) : nil
                    if let cost { sums[vault.name, default: CostEstimate()] += cost }
                    results.append(
                        DryRun(
                            run: run.date.description, vault: vault.name,
                            key: try layout.archive(record.unit, generation: 1, suffix: name(of: record).codec.suffix)
                                .description,
                            bytes: record.outputs.first?.size ?? 0,
                            isPending: isPending, cost: cost))
                }
            }
        }
        if results.isEmpty { try PendingRuns(context).checkSelection(wasPending: !runs.isEmpty) }
        try output.result(results) {
            if results.isEmpty { return "nothing to ship" }
            var table = TextTable(["RUN", "VAULT", "OBJECT", "SIZE", ""], right: [3])
            for result in results {
                table.add([
                    result.run, result.vault, result.key, Figures.bytes(result.bytes),
                    result.isPending ? "would be shipped" : "is there",
                ])
            }
            let lines = vaults.map(\.name).sorted().compactMap { vault -> String? in
                if let cost = sums[vault] { return costs.line(cost, vault: vault) }
                let pending = results.filter { $0.vault == vault && $0.isPending }
                guard !pending.isEmpty else { return nil }
                return "\(vault): \(Figures.count(Int64(pending.count), "archive", "archives")), "
                    + Figures.bytes(pending.reduce(0) { $0 + $1.bytes })
            }
            return ([table.text] + lines).joined(separator: "\n")
        }
        return jobVaults.tellAway(context)
    }
}
