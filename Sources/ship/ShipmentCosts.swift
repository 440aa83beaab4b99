import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// What shipping costs, vault by vault; only buckets of AWS itself have prices.
struct ShipmentCosts {
    private let table: PriceTable
    private let prices: [String: ShipmentPrices]

    /// Reads the price table, where a vault needs one.
    ///
    /// - Throws: `settings` for a price table that is wrong or missing.
    init(_ vaults: [VaultSettings], _ configuration: Configuration, log: Logger) throws(Fault) {
        let buckets = vaults.compactMap { vault -> (String, BucketSettings)? in
            guard case .bucket(let bucket) = vault.kind, bucket.endpoint == nil else { return nil }
            return (vault.name, bucket)
        }
        table = buckets.isEmpty ? .listPrices : try PriceFile.load(configuration.prices)
        var prices: [String: ShipmentPrices] = [:]
        for (name, bucket) in buckets {
            prices[name] = ShipmentPrices(
                table, region: try OpenVault.bucketStore(bucket, log: log).region, storageClass: bucket.storageClass,
                sidecarClass: bucket.sidecarClass)
        }
        self.prices = prices
    }

    /// For an attempt: no estimate is worth a night without a backup.
    static func ofAttempt(_ context: StageContext) -> ShipmentCosts? {
        do { return try ShipmentCosts(context.job.vaults, context.configuration, log: context.log) } catch {
            context.log.warning("what this costs is not known: \(error)")
            return nil
        }
    }

    /// The day of the prices; nothing where no vault has any.
    var pricesDate: CivilDate? { prices.isEmpty ? nil : table.date }

    /// The estimate for an archive; nothing in a vault that is not charged by object and byte.
    func estimate(_ packed: UnitRecord, vault: String) -> CostEstimate? {
        guard let prices = prices[vault], packed.outputs.count >= 2 else { return nil }
        let size = packed.outputs[0].size
        // The tar's own size, which decides the parts, is not in the record; the archive's is near enough.
        let partSize = (try? PartTable.partSize(forTar: size)) ?? size
        let parts = partSize > 0 ? Int((size + partSize - 1) / partSize) : 1
        return prices.archive(size, parts: parts, index: packed.outputs[1].size)
    }

    /// What an object of a bucket costs when it is copied into a vault; nothing in one that is not charged so.
    func copy(_ bytes: Int64, to storageClass: String, vault: String) -> CostEstimate? {
        let parts = bytes > BatchCSV.largestCopy ? Int(bytes >> 29) + 1 : 1
        return prices[vault]?.copy(bytes, parts: parts, to: storageClass)
    }

    /// A line of a plan or a log.
    func line(_ estimate: CostEstimate, vault: String) -> String {
        "\(vault): \(Figures.costs(estimate, pricesOf: table.date))"
    }
}
