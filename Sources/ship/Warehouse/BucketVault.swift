import AWS
import Platform
import Settings
import Vault
import Warehouse

/// A vault in a bucket, into which objects of another bucket are copied.
struct BucketVault: JobVault {
    let vault: OpenVault
    let settings: BucketSettings
    let store: S3Store
    let places: CopyPlaces

    /// - Throws: `settings` for a vault that is no bucket: a store can only copy to itself.
    init(_ settings: VaultSettings, _ vault: OpenVault) throws(Fault) {
        guard case .bucket(let bucket) = settings.kind, let store = vault.store as? S3Store else {
            throw Fault(
                .settings, "vault '\(settings.name)' is a directory, and objects are copied inside their store",
                hint: "Give the job a vault with url = \"s3://BUCKET/PREFIX\".")
        }
        self.vault = vault
        self.settings = bucket
        self.store = store
        places = CopyPlaces(store)
    }

    var name: String { vault.name }
    var identity: String? { vault.identity }

    /// The source, read with the credentials of the vault: a copy is made by those who write it.
    func source(_ settings: BucketSettings) -> S3Client {
        // Another server has no regions of its own to move to.
        let region = self.settings.endpoint == nil ? settings.region : nil
        return store.client.sibling(bucket: settings.bucket, region: region)
    }

    /// How copies into the vault are made.
    func copyOptions(tags: [String: String]) -> ObjectCopier.Options {
        var options = ObjectCopier.Options()
        options.encryption = store.options.encryption
        options.lock = { [store] in store.options.lock.map(store.retention) }
        options.tags = tags
        options.mayStart = store.options.mayStart
        return options
    }

    /// The ARN of something of S3 in the vault's partition.
    func arn(_ resource: String) -> String {
        let region = store.client.endpoint.region
        let partition = region.hasPrefix("cn-") ? "aws-cn" : region.hasPrefix("us-gov-") ? "aws-us-gov" : "aws"
        return "arn:\(partition):s3:::\(resource)"
    }
}
