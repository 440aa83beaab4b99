import Ledger
import Platform
import Retention
import Vault

extension LedgerRebuild {
    /// What was let go, by what the vaults tell.
    struct Audit: Sendable {
        /// Manifests that some vault is to delete: no run may build on them.
        var retired: Set<String>
        /// Units in runs whose manifest each vault has let go.
        var gone: [String: Set<OpenRuns.Place>]
    }

    /// The manifests to be taken: those that every vault has, since the ledger knows what every vault holds.
    ///
    /// What a vault has let go and another one still has is nothing amiss: they are pruned one after the other.
    func units(_ listings: [Listing], _ audit: Audit, _ result: Monitor<Result>) -> [Unit] {
        var names: [CivilDate: Set<String>] = [:]
        for listing in listings {
            for (run, found) in listing.manifests { names[run, default: []].formUnion(found.keys) }
        }
        var units: [Unit] = []
        for (run, names) in names.sorted(by: { $0.key < $1.key }) {
            var gone: [String: [String]] = [:]
            for name in names.sorted() {
                let lacking = zip(vaults, listings).filter { $1.manifests[run]?[name] == nil }.map(\.0.name)
                for vault in lacking {
                    if audit.gone[vault]?.contains(.init(run: run, unit: name)) ?? false {
                        gone[vault, default: []].append(name)
                    } else {
                        result.with {
                            $0.problems.append(
                                "\(name), run \(run): vault \(vault) has no manifest of it, so that it is not taken")
                        }
                    }
                }
                if lacking.isEmpty, let numbers = listings.first?.manifests[run]?[name] {
                    units.append(Unit(run: run, name: name, numbers: numbers.sorted(by: >)))
                }
            }
            for (vault, names) in gone {
                let shown = names.prefix(3).joined(separator: ", ")
                let more = names.count > 3 ? " and \(names.count - 3) more" : ""
                result.with {
                    $0.remarks.append(
                        "run \(run): prune has let \(shown)\(more) go in vault \(vault), so that it is not taken from another"
                    )
                }
            }
        }
        return units
    }

    /// Makes the holds of the job, and the table of what is on its way out of each vault, by what their audit objects tell.
    ///
    /// - Returns: what was let go.
    /// - Throws: the fault of a vault.
    func replayAudit(_ listings: [Listing], _ result: Monitor<Result>) throws(Fault) -> Audit {
        var gone: [String: Set<OpenRuns.Place>] = [:]
        let before = try HoldList.read(job)
        var list = before
        var retired = try Departures.retiredManifests(of: job)
        var tables: [(vault: String, entries: [String: Departure])] = []
        for (vault, listing) in zip(vaults, listings) {
            let layout = layout
            let replay = try AuditReplay(vault, layout, isWarehouse: isWarehouse) { listing.has($0, layout) }
            list.merge(replay.holds)
            for key in replay.retiredManifests {
                guard let manifest = try layout.manifest(ObjectKey(key)) else { continue }
                gone[vault.name, default: []].insert(.init(run: manifest.run, unit: manifest.unit))
            }
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
        let audit = Audit(retired: retired, gone: gone)
        if isDryRun { return audit }
        // Holds first: they keep what the rest may let go.
        if added > 0 { try list.write(job) }
        for table in tables { _ = try Departures.make(table.entries, of: table.vault, job) }
        return audit
    }
}
