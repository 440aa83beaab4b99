import AWS
import Codec
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// The bucket of a run's snapshot in one vault, and what one job has copied into it.
struct SnapshotCopy: Sendable {
    let bucket: String
    /// Of the job that has copied all that the inventory lists; nothing where databases are copied one by one.
    let report: CompletionReport?
}

/// Full snapshots: a bucket for each run.
extension DatabaseStage {
    /// The name of a run's bucket.
    func snapshotBucket(_ run: CivilDate) throws(Fault) -> String {
        try SnapshotName.bucket(template: warehouse.snapshot, source: warehouse.source.bucket, run: run)
    }

    /// Makes the buckets of a run, and copies all into them where one job can.
    ///
    /// - Returns: by the vault's name; nothing with mode `incremental`.
    func prepareSnapshots(_ run: RunDirectory) throws(Fault) -> [String: SnapshotCopy] {
        guard warehouse.mode == .full else { return [:] }
        let bucket = try snapshotBucket(run.date)
        var copies: [String: SnapshotCopy] = [:]
        for vault in vaults {
            let client = vault.places.client(ofBucket: bucket)
            try SnapshotBucket(client, beside: vault.store, vault.settings, job: job.name, run: run.date)
                .prepare(grace: job.retention.policy.grace, principal: vault.settings.roleARN)
            copies[vault.name] = SnapshotCopy(bucket: bucket, report: try copyInventory(run, vault, bucket))
        }
        return copies
    }

    /// Whether the job takes the bucket as it is, so that the inventory itself can be the list of a job.
    private var isWhole: Bool { warehouse.include == ["*"] && warehouse.exclude.isEmpty }

    /// Whether the inventory of a run can be the list of a job as it is.
    ///
    /// A job copies every row: of an inventory of versions it would copy them all to one key, in any order. All copies have
    /// one class. And too many that can't be copied would end the job.
    private func isPlain(_ run: RunDirectory, _ vault: BucketVault, _ packed: [UnitRecord]) throws(Fault) -> Bool {
        let skipped = packed.flatMap(\.counts).reduce(Int64(0)) { sum, count in
            count.key.hasPrefix("skipped.") && count.key.hasSuffix(".objects") ? sum + count.value : sum
        }
        let collected = try run.unitRecords(.collect)
        return warehouse.logClass == vault.settings.storageClass && skipped < Int64(CompletionReport.mostFailed / 2)
            && collected.allSatisfy { $0.counts["versions"] == nil }
    }

    /// Copies what the inventory lists by one job: nothing of ours touches the list, however long it is.
    private func copyInventory(_ run: RunDirectory, _ vault: BucketVault, _ bucket: String) throws(Fault)
        -> CompletionReport?
    {
        let packed = try run.unitRecords(.pack)
        guard let batch = warehouse.batch, isWhole, !context.request.isNarrowed,
            packed.contains(where: { $0.inputs["route"] == "batch" }), try isPlain(run, vault, packed)
        else { return nil }
        let word = "inventory "
        let inventories = Set(
            packed.flatMap { record in
                record.inputs.filter { $0.key.hasPrefix(word) }.map {
                    [String($0.key.dropFirst(word.count)), $0.value]
                }
            })
        // Several would be several jobs whose lists may overlap.
        guard inventories.count == 1, let inventory = inventories.first, let url = inventory.first,
            let etag = inventory.last, url.hasPrefix("s3://")
        else { return nil }
        let request = BatchRequest(self, vault, batch)
        let job = request.job(
            "snapshot", .inventory, run.date,
            manifest: (vault.arn(String(url.dropFirst("s3://".utf8.count))), etag),
            report: BatchPlaces(job: self.job.name).snapshotReport(run: run.date),
            target: (bucket, "", vault.settings.storageClass),
            tags: ["coldchain-job": self.job.name, "coldchain-run": run.date.description])
        let (directory, name) = try run.place(beside: "_snapshot", .ship, vault: vault.name, suffix: ".batch.json")
        let log = context.log
        let copy = BatchCopy(
            try vault.store.client.control(account: batch.account, endpoint: batch.endpoint), reports: request.reports,
            state: name, in: directory, onStatus: { BatchRequest.tell($0, "snapshot", log) })
        // The service compares the list with its ETag.
        return try copy.run(job, digest: SHA256Hasher.digest(of: Array("\(url) \(etag)".utf8)), expecting: nil)
    }
}
