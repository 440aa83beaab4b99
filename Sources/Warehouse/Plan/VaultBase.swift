package import Codec
import Ledger
package import Platform
package import Vault

/// The manifest by which a vault knows where it has what an earlier run has stored of a database.
package enum VaultBase: Sendable, Equatable {
    /// That of the ledger is this vault's own, byte by byte.
    case ledger
    /// The vault's own has other bytes, or is of another run.
    case own(ObjectKey)
    /// The vault has none.
    case none

    /// Looks for it: that of the run on which the plan is built, else the newest one before the run that is shipped.
    ///
    /// - Parameters:
    ///   - unit: the database.
    ///   - run: the run that is shipped.
    ///   - held: the run on which the plan is built, and the digest of the ledger's manifest of it; nothing where the
    ///     ledger has that no more.
    ///   - layout: of the job.
    ///   - store: the vault.
    /// - Returns: what the vault has.
    /// - Throws: the fault of the store.
    package static func find(
        _ unit: String, before run: CivilDate, held: (run: CivilDate, digest: Digest256?), _ layout: VaultLayout,
        in store: any ObjectStore
    ) throws(Fault) -> VaultBase {
        if let number = try layout.newestManifest(of: unit, run: held.run, in: store) {
            let key = try layout.manifest(run: held.run, unit: unit, number: number)
            if let digest = held.digest, try layout.digest(ofManifest: key, in: store) == digest { return .ledger }
            return .own(key)
        }
        var newest: ObjectKey?
        for (date, units) in try layout.manifests(in: store) where date < run {
            if let number = units[unit] { newest = try layout.manifest(run: date, unit: unit, number: number) }
        }
        return newest.map { .own($0) } ?? .none
    }
}
