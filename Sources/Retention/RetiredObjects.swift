import Codec
import Ledger
import Platform
import Staging
import Vault

/// What our own prune has let go in the vaults of a job, as it is recorded: in the tables of what is on its way out, and, of
/// what these have forgotten, in the audit log of the ledger.
///
/// That a vault lacks something says nothing: somebody else may have removed it.
struct RetiredObjects: Sendable {
    private let departures: [String: Departures]
    private let history: RetirementHistory

    /// - Parameters:
    ///   - vaults: the vaults of the job.
    ///   - history: what the audit log tells.
    /// - Throws: `damaged` for a table that can't be read.
    init(_ vaults: [OpenVault], _ history: RetirementHistory) throws(Fault) {
        var departures: [String: Departures] = [:]
        for vault in vaults { departures[vault.name] = try Departures(vault, of: history.job) }
        self.departures = departures
        self.history = history
    }

    /// Whether a vault may have marked an object, or has it no more.
    func mayBeMarked(_ key: ObjectKey, in vault: String) -> Bool { departures[vault]?.mayBeMarked(key) ?? false }

    /// Whether prune has let an archive or a manifest go, and nobody has taken it back.
    ///
    /// - Parameters:
    ///   - key: of the archive or the manifest.
    ///   - vault: the name of the vault.
    ///   - run: of which it is.
    /// - Returns: false for what is on its way back, or only in quarantine.
    /// - Throws: the system's fault.
    func has(_ key: ObjectKey, in vault: String, of run: CivilDate) throws(Fault) -> Bool {
        switch departures[vault]?[key.description]?.state {
        case .retired: true
        case .quarantined, .releasing: false
        // It may be gone without having been marked by anybody, or it is long ago.
        case .gone, nil: try history.wasRetired(key, in: vault, of: run)
        }
    }

    /// The first key of a record, when prune has let it go: what lies beside it goes with it.
    func hasFirst(of record: UnitRecord, in vault: String, of run: CivilDate) throws(Fault) -> Bool {
        guard let path = record.outputs.first?.path else { return false }
        return try has(try ObjectKey(path), in: vault, of: run)
    }

    /// Whether what a record tells of was made before ship recorded that a vault has it.
    static func isOlder(_ made: UnitRecord, than shipped: UnitRecord) -> Bool {
        guard let one = Timestamp(rfc3339: made.finishedAt), let other = Timestamp(rfc3339: shipped.finishedAt) else {
            return false
        }
        return one <= other
    }
}
