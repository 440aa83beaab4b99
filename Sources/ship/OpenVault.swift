import Platform
import Settings
import Vault

/// A vault of the settings, opened.
struct OpenVault: Sendable {
    let name: String
    let store: any ObjectStore

    /// Opens a vault to write into it; its guard must be the pinned one.
    static func forWriting(_ settings: VaultSettings, state: Directory) throws(Fault) -> OpenVault {
        switch settings.kind {
        case .directory(let path):
            OpenVault(name: settings.name, store: FileStore(try MountGuard(path, state: state).open()))
        }
    }

    /// Opens a vault to read from it: a new server that has nothing but the settings can.
    static func forReading(_ settings: VaultSettings) throws(Fault) -> OpenVault {
        switch settings.kind {
        case .directory(let path):
            let directory: Directory
            do { directory = try Directory.open(path) } catch {
                throw error.hinting("Mount the vault's file system first.")
            }
            return OpenVault(name: settings.name, store: FileStore(directory))
        }
    }
}
