import AWS
import Ledger
import Logging
import Platform
import Settings
import Vault
import Warehouse

/// What every job of S3 Batch Operations of a warehouse has.
struct BatchRequest {
    private let stage: DatabaseStage
    private let vault: BucketVault
    private let batch: WarehouseSettings.Batch

    init(_ stage: DatabaseStage, _ vault: BucketVault, _ batch: WarehouseSettings.Batch) {
        self.stage = stage
        self.vault = vault
        self.batch = batch
    }

    /// The bucket of the completion reports.
    var reports: S3Client { vault.places.client(ofBucket: batch.report ?? vault.settings.bucket) }

    /// A job.
    ///
    /// - Parameters:
    ///   - what: what it copies, for people.
    ///   - format: of its manifest.
    ///   - run: the run.
    ///   - manifest: ARN and ETag.
    ///   - report: where the report goes, below the vault's prefix in the vault's own bucket.
    ///   - target: bucket, prefix without a slash at its end, class.
    ///   - tags: of every copy.
    /// - Returns: what CreateJob is asked for.
    func job(
        _ what: String, _ format: BatchCopyJob.ManifestFormat, _ run: CivilDate, manifest: (arn: String, etag: String),
        report: String, target: (bucket: String, prefix: String, storageClass: String), tags: [String: String]
    ) -> BatchCopyJob {
        let prefix = String(decoding: vault.store.prefix.bytes, as: UTF8.self)
        var job = BatchCopyJob(
            token: "", description: "coldchain \(stage.job.name) \(run) \(what)", roleARN: batch.roleARN,
            manifestFormat: format, manifestARN: manifest.arn, manifestETag: manifest.etag,
            reportBucketARN: vault.arn(batch.report ?? vault.settings.bucket), reportPrefix: prefix + report,
            targetARN: vault.arn(target.bucket), targetPrefix: target.prefix)
        job.storageClass = target.storageClass
        job.tags = tags
        job.kmsKey = vault.settings.kmsKey
        job.lock = vault.store.options.lock.map(vault.store.retention)
        return job
    }

    static func tell(_ status: BatchJobStatus, _ name: String, _ log: Logger) {
        log.info(
            "\(name): job \(status.id) of S3 Batch Operations is \(status.state), \(status.succeeded) of \(status.tasks) copied, \(status.failed) failed"
        )
    }
}
