import AWS
package import Logging
package import Platform
package import Settings
import Vault

/// What a check of a job of kind `warehouse` looks at, before a night does: its inventories, its source, and its vaults.
///
/// Everything is only read.
package struct WarehouseCheck: Sendable {
    private let warehouse: WarehouseSettings
    private let vaults: [VaultSettings]
    private let log: Logger

    /// - Parameters:
    ///   - warehouse: of the job.
    ///   - vaults: of the job.
    ///   - log: is told of credentials and connections.
    package init(_ warehouse: WarehouseSettings, vaults: [VaultSettings], log: Logger) {
        self.warehouse = warehouse
        self.vaults = vaults
        self.log = log
    }

    /// One thing to look at.
    package struct Look: Sendable {
        package let what: String
        fileprivate let body: @Sendable () throws(Fault) -> String?

        /// Looks.
        ///
        /// - Returns: what is worth telling though all is well.
        /// - Throws: what is missing.
        package func callAsFunction() throws(Fault) -> String? { try body() }
    }

    /// What to look at, in the order of the stages that need it.
    package var looks: [Look] {
        warehouse.inventories.map { place in
            Look(what: "inventory \(place)") { () throws(Fault) in try self.inventory(place) }
        }
            + vaults.map { vault in
                Look(what: "source s3://\(warehouse.source.bucket), read as vault \(vault.name) does") {
                    () throws(Fault) in try self.source(vault)
                }
            }
            + vaults.map { vault in
                Look(what: "vault \(vault.name) \(vault.url)") { () throws(Fault) in try self.place(vault) }
            }
    }

    /// The newest inventory; collect reads it with what the settings have for the source.
    private func inventory(_ place: WarehouseSettings.InventoryPlace) throws(Fault) -> String? {
        var settings = warehouse.source
        settings.bucket = place.bucket
        let client = try OpenVault.bucketClient(settings, requests: warehouse.partsAtOnce + 8, log: log)
        let newest = try InventorySearch(
            client, place, source: warehouse.source.bucket, atOnce: warehouse.partsAtOnce
        ).newest()
        let told = "the newest is of \(newest.createdAt.rfc3339)"
        return newest.lacks.map { "\(told); one that is newer is not complete: \($0)" } ?? told
    }

    /// The source, with the credentials of the vault, since whoever writes a copy reads its source.
    private func source(_ vault: VaultSettings) throws(Fault) -> String? {
        guard case .bucket(let bucket) = vault.kind else { return nil }
        let client = try OpenVault.bucketStore(bucket, log: log).client.sibling(
            bucket: warehouse.source.bucket, region: bucket.endpoint == nil ? warehouse.source.region : nil)
        do throws(Fault) {
            guard let key = try client.firstKey(prefix: ByteString()) else { return "has no object" }
            _ = try client.head(key)
        } catch {
            throw error.hinting(
                "The vault's credentials must be allowed to list the source and to read its objects; 'ship setup' prints the policies."
            )
        }
        return nil
    }

    private func place(_ vault: VaultSettings) throws(Fault) -> String? {
        guard case .bucket(let bucket) = vault.kind else { return nil }
        let store = try OpenVault.bucketStore(bucket, log: log)
        _ = try store.client.firstKey(prefix: store.prefix)
        return nil
    }
}
