package import Ledger
package import Logging
package import Platform
package import Settings

/// A vault of the settings, opened.
package struct OpenVault: Sendable {
    package let name: String
    package let store: any RetiringStore
    /// What tells this vault from another one that takes its place: the id of a directory's guard.
    ///
    /// Nothing where it was not asked for.
    package let identity: String?
    /// The class that archives get, for manifests; empty where there are no classes.
    package let storageClass: String

    package init(name: String, store: any RetiringStore, identity: String? = nil, storageClass: String = "") {
        self.name = name
        self.store = store
        self.identity = identity
        self.storageClass = storageClass
    }

    /// How many archives are on their way at once: a bucket limits its uploads itself, and small archives are as many; more
    /// than two would only make a disk seek.
    package var unitsAtOnce: Int { max(2, (store as? S3Store)?.options.uploads ?? 0) }

    /// Whether a record tells of this vault, and not of another one that was in its place; older records don't tell.
    package func isTold(by record: UnitRecord) -> Bool {
        guard let identity, let vault = record.vault else { return true }
        return vault == identity
    }

    /// Opens a vault to write into it; its guard must be the pinned one, and a bucket must answer.
    ///
    /// - Parameters:
    ///   - settings: of the vault.
    ///   - state: where guards are pinned.
    ///   - requests: the most requests to a bucket at once; nothing for what its uploads need.
    ///   - log: told what is sent.
    /// - Returns: the vault.
    /// - Throws: `unmounted` for a directory without its guard; `unreachable` for a bucket that does not answer, `permission`
    ///   for one that does not let us ask; `settings`.
    package static func forWriting(
        _ settings: VaultSettings, state: Directory, requests: Int? = nil, log: Logger
    ) throws(Fault) -> OpenVault {
        switch settings.kind {
        case .directory(let path):
            let (directory, id) = try MountGuard(path, state: state).openWithID()
            return OpenVault(name: settings.name, store: FileStore(directory), identity: id)
        case .bucket(let bucket):
            // One that does not answer, or refuses, is found out now and not by every single archive.
            try bucketStore(bucket, backoff: Backoff(deadline: reachableWithin), log: log).checkReachable()
            return try .bucket(bucket, name: settings.name, requests: requests, log: log)
        }
    }

    /// Seconds in which a bucket must begin to answer.
    private static let reachableWithin = 30.0

    /// Opens a vault to read from it: a new server that has nothing but the settings can.
    package static func forReading(_ settings: VaultSettings, log: Logger) throws(Fault) -> OpenVault {
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
