import Ledger
import Logging
import Platform
import Settings
import Vault

/// A vault of the settings, opened.
struct OpenVault: Sendable {
    let name: String
    let store: any ObjectStore
    /// What tells this vault from another one that takes its place: the id of a directory's guard.
    ///
    /// Nothing where it was not asked for.
    var identity: String?

    /// Whether a record tells of this vault, and not of another one that was in its place; older records don't tell.
    func isTold(by record: UnitRecord) -> Bool {
        guard let identity, let vault = record.vault else { return true }
        return vault == identity
    }

    /// Opens a vault to write into it; its guard must be the pinned one.
    static func forWriting(_ settings: VaultSettings, state: Directory, log: Logger) throws(Fault) -> OpenVault {
        switch settings.kind {
        case .directory(let path):
            let (directory, id) = try MountGuard(path, state: state).openWithID()
            return OpenVault(name: settings.name, store: FileStore(directory), identity: id)
        case .bucket(let bucket): return try .bucket(bucket, name: settings.name, log: log)
        }
    }

    /// Opens a vault to read from it: a new server that has nothing but the settings can.
    static func forReading(_ settings: VaultSettings, log: Logger) throws(Fault) -> OpenVault {
        switch settings.kind {
        case .directory(let path):
            let directory: Directory
            do { directory = try Directory.open(path) } catch {
                throw error.hinting("Mount the vault's file system first.")
            }
            return OpenVault(name: settings.name, store: FileStore(directory))
        case .bucket(let bucket): return try .bucket(bucket, name: settings.name, log: log)
        }
    }
}
