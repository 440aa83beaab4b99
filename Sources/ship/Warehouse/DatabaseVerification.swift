import Console
import Ledger
import Platform
import Settings
import Vault
import Warehouse

/// Compares what the manifests of a warehouse name with what the vault lists: that it is there, and its size.
struct DatabaseVerification {
    let warehouse: WarehouseSettings
    let vault: BucketVault
    let layout: VaultLayout
    let selection: EntrySelection
    let common: CommonOptions

    private struct Verdict: Codable {
        var run: String
        var database: String
        var isHeld: Bool
        var why: String?
    }

    /// - Parameter only: the run; all without one.
    /// - Returns: the exit status: done when all is there.
    /// - Throws: what keeps anything from being looked at.
    func verify(run only: CivilDate?) throws -> Int32 {
        var verdicts: [Verdict] = []
        for (run, units) in try layout.manifests(in: vault.store, run: only) {
            let keys =
                warehouse.mode == .full
                ? DestinationKeys(
                    snapshot: try SnapshotName.bucket(
                        template: warehouse.snapshot, source: warehouse.source.bucket, run: run))
                : DestinationKeys(job: layout.job, run: run, prefix: vault.store.prefix)
            for (unit, number) in units.sorted(by: { $0.key < $1.key }) where selection.selects(host: unit) {
                let key = try layout.manifest(run: run, unit: unit, number: number)
                var verdict = Verdict(run: run.description, database: unit, isHeld: true)
                do throws(Fault) {
                    try HeldCheck(but: nil, keys, vault.places).check { () throws(Fault) in
                        try ManifestReader(try vault.store.open(key))
                    }
                } catch {
                    if [.interrupted, .unreachable].contains(error.code) { throw error }
                    (verdict.isHeld, verdict.why) = (false, error.description)
                    // What it names may go before it does.
                    if try vault.store.retirement(key) != nil {
                        (verdict.isHeld, verdict.why) = (true, "is on its way out")
                    }
                }
                verdicts.append(verdict)
            }
        }
        guard !verdicts.isEmpty else {
            throw Fault(
                .notFound, "\(vault.store.description): has no manifest of job '\(layout.job)'",
                hint: "'ship status \(layout.job)' tells which runs were shipped.")
        }
        try common.output.result(verdicts) {
            var table = TextTable(["RUN", "DATABASE", ""])
            for verdict in verdicts {
                table.add([verdict.run, verdict.database, verdict.why ?? "is held"])
            }
            return table.text + "\nby what the vault lists: that each object is there, and its size; none was read"
        }
        let held = verdicts.count { $0.isHeld }
        return held == verdicts.count ? ExitStatus.done : held > 0 ? ExitStatus.partial : ExitStatus.failed
    }
}
