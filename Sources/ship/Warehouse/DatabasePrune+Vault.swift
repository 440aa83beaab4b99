import Platform
import Retention
import Settings
import Staging
import Vault
import Warehouse

extension DatabasePrune {
    /// Of a vault that is a bucket.
    ///
    /// - Throws: `settings` for another one.
    init(
        _ prune: VaultPrune, _ settings: VaultSettings, _ vault: OpenVault, _ warehouse: WarehouseSettings,
        _ context: StageContext
    ) throws(Fault) {
        let bucket = try BucketVault(settings, vault)
        self.init(
            prune, bucket.store, source: bucket.source(warehouse.source), warehouse, scratch: context.staging.scratch)
    }
}
