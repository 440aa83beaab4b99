import Ledger
import Platform
import Retention
import Vault

extension LedgerRebuild {
    /// Makes the holds of the job, and the table of what is on its way out of each vault, by what their audit objects tell.
    ///
    /// - Returns: the manifests that some vault is to delete: no run may build on them.
    /// - Throws: the fault of a vault.
    func replayAudit(_ listings: [Listing], _ result: Monitor<Result>) throws(Fault) -> Set<String> {
        let before = try HoldList.read(job)
        var list = before
        var retired = try Departures.retiredManifests(of: job)
        var tables: [(vault: String, entries: [String: Departure])] = []
        for (vault, listing) in zip(vaults, listings) {
            let layout = layout
            let replay = try AuditReplay(vault, layout, isWarehouse: isWarehouse) { listing.has($0, layout) }
            list.merge(replay.holds)
            result.with { $0.problems += replay.problems.map { "vault \(vault.name): \($0)" } }
            guard try !Departures.isKnown(vault.name, of: job), !replay.departures.isEmpty else { continue }
            tables.append((vault.name, replay.departures))
            for departure in replay.departures.values
            where departure.kind == .manifest && departure.state != .quarantined {
                retired.insert(departure.key)
            }
        }
        let added = list.holds.filter { !before.holds.contains($0) }.count
        let departing = tables.reduce(0) { $0 + $1.entries.count }
        result.with { ($0.holds, $0.departing) = (added, departing) }
        if isDryRun { return retired }
        // Holds first: they keep what the rest may let go.
        if added > 0 { try list.write(job) }
        for table in tables { _ = try Departures.make(table.entries, of: table.vault, job) }
        return retired
    }
}
