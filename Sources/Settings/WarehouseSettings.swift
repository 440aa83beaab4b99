package import Platform

/// What a job of kind `warehouse` has: a bucket whose databases are copied by its inventories.
package struct WarehouseSettings: Sendable {
    package enum Mode: String, CaseIterable, Sendable {
        /// What no earlier run holds is copied.
        case incremental
        /// All is copied in every run, each time to keys of that run.
        case full
    }

    /// Where the inventories of one configuration arrive: `s3://BUCKET/PREFIX/SOURCE-BUCKET/ID`.
    package struct InventoryPlace: Hashable, Sendable, CustomStringConvertible {
        package var bucket: String
        /// Without slashes at its ends.
        package var prefix: String

        package init(bucket: String, prefix: String) {
            self.bucket = bucket
            self.prefix = prefix
        }

        package var description: String { "s3://\(bucket)/\(prefix)" }
    }

    /// Above which a database is copied by S3 Batch Operations; nothing where a number never asks for it.
    package struct Route: Hashable, Sendable {
        /// Data files of the inventory.
        package var inventoryFiles: Int?
        /// Objects to copy.
        package var objects: Int?

        package init() {}
    }

    /// Who runs copies in S3 Batch Operations.
    package struct Batch: Hashable, Sendable {
        /// The account of the vault's bucket, twelve digits.
        package var account: String
        /// What the service acts as.
        package var roleARN: String
        /// Where the service is asked, if not where AWS has it.
        package var endpoint: String?
        /// The bucket of the completion reports; the vault's own where it is not told.
        package var report: String?

        package init(account: String, roleARN: String) {
            self.account = account
            self.roleARN = roleARN
        }
    }

    /// The bucket that is protected; its `prefix` is empty.
    package var source: BucketSettings
    package var inventories: [InventoryPlace]
    /// The inventory of a run is the first that was made on the day so far behind the run's, or later; whole days.
    package var lag = Period(days: 2)
    package var mode = Mode.incremental
    package var prefix: DatabasePrefix
    /// Shell patterns of database names.
    package var include = ["*"]
    package var exclude: [String] = []
    /// The storage classes that can be copied.
    package var classes: Set<String> = ["STANDARD", "INTELLIGENT_TIERING"]
    /// The share of a database, by bytes or by objects, that may be left out for its class; from 0 to 1.
    package var maxSkipped = 0.05
    /// The class of copies below `_delta_log/`; empty for the bucket's default.
    package var logClass = "STANDARD"
    package var route = Route()
    /// Nothing where everything is copied by this program.
    package var batch: Batch?
    package var databasesAtOnce = 40
    /// Copies on their way at once, of all databases together.
    package var copiesAtOnce = 64
    /// With mode ``Mode/full``, the name of the bucket that a run is copied to, with variables.
    package var snapshot = "{source}-{dd}-{mmm}-{yyyy}"
    package var partsAtOnce = 20
    /// How long an inventory that is not complete is waited for.
    package var wait = Period(seconds: 30 * 60)

    package init(source: BucketSettings, inventories: [InventoryPlace], prefix: DatabasePrefix) {
        self.source = source
        self.inventories = inventories
        self.prefix = prefix
    }

    /// Whether the settings want a database.
    ///
    /// - Parameter database: its name as the keys have it.
    package func selects(_ database: ByteString) -> Bool {
        include.contains { Glob($0).matches(database) } && !exclude.contains { Glob($0).matches(database) }
    }
}
