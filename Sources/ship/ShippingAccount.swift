import Codec
import Ledger
import Platform
import Retention
import Staging
import Vault

/// What staging tells of one vault of a job: the records of what was shipped, the ledger, and what prune lets go.
struct ShippingAccount: Sendable {
    let directory: JobDirectory
    let vault: OpenVault
    /// The ledger has the manifests of the job's first vault; in others they may have other numbers.
    let isFirst: Bool

    /// Calls `each` with every object that a record names.
    ///
    /// - Throws: what `each` throws; `damaged` for a record that can't be read.
    func forEachOutput(_ each: (ObjectKey, UnitRecord.Output) throws(Fault) -> Void) throws(Fault) {
        for date in try directory.runs() {
            try Shutdown.check()
            for record in try directory.run(date)?.unitRecords(.ship, vault: vault.name) ?? []
            where vault.isTold(by: record) {
                for output in record.outputs { try each(try ObjectKey(output.path), output) }
            }
        }
    }

    /// The manifests in the ledger; of a further vault only whose they are is certain.
    func ledgerManifests() throws(Fault) -> [CivilDate: [String: Int]] {
        let ledger = try directory.ledger()
        var manifests: [CivilDate: [String: Int]] = [:]
        for run in try ledger.runs() { manifests[run] = try ledger.units(of: run) }
        return manifests
    }

    /// The ledger's copy of a manifest, or nothing where it has none.
    func copy(_ run: CivilDate, _ unit: String, _ number: Int) throws(Fault) -> ManifestReader? {
        guard isFirst else { return nil }
        do throws(Fault) {
            return try ManifestReader(try directory.ledger().open(run: run, unit: unit, number: number))
        } catch {
            if [.notFound, .damaged].contains(error.code) { return nil }
            throw error
        }
    }

    /// What prune has marked or is taking back, with what lies beside it.
    func departing(_ layout: VaultLayout) throws(Fault) -> Set<ObjectKey> {
        var keys: Set<ObjectKey> = []
        for departure in try Departures(vault, of: directory) where departure.state != .quarantined {
            let key = try ObjectKey(departure.key)
            keys.formUnion(
                departure.kind == .archive ? layout.group(ofArchive: key) : layout.group(ofManifest: key))
        }
        return keys
    }
}
