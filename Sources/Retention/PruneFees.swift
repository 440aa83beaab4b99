package import Ledger
import Platform
package import Settings

/// What deleting early costs in one vault; nothing in one that AWS does not run.
package struct PruneFees: Sendable {
    private let table: PriceTable
    private let region: String

    /// - Parameters:
    ///   - vault: the vault.
    ///   - table: what the store charges.
    ///   - region: where the bucket is, if the settings don't say.
    package init?(_ vault: VaultSettings, _ table: PriceTable, region: String?) {
        guard case .bucket(let bucket) = vault.kind, bucket.endpoint == nil,
            let region = bucket.region ?? region
        else { return nil }
        self.table = table
        self.region = region
    }

    /// US dollars, if the object went at `now`; nothing without a price.
    func fee(_ bytes: Int64, _ storageClass: String, created: Timestamp, now: Timestamp) -> Double? {
        table.earlyDeletion(
            bytes, ageDays: Int(max(0, now.since(created)) / 86_400), from: storageClass, in: region)
    }
}
