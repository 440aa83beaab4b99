package import AWS
package import Platform
package import Settings
package import Vault

/// The bucket of one full snapshot: of one run of one job, and of nothing else.
///
/// Tags of the bucket tell whose it is. A bucket that exists is gone on with only when it is of the same run, or as empty as
/// a kill leaves it: nothing is ever copied over another snapshot.
package struct SnapshotBucket: Sendable {
    private let client: S3Client
    private let settings: BucketSettings
    private let vault: S3Store
    private let owner: [String: String]

    /// - Parameters:
    ///   - client: of the bucket.
    ///   - vault: the vault beside it, whose classes and locks it has.
    ///   - settings: of the vault.
    ///   - job: the job's name.
    ///   - run: the run.
    package init(_ client: S3Client, beside vault: S3Store, _ settings: BucketSettings, job: String, run: CivilDate) {
        self.client = client
        self.vault = vault
        var own = settings
        (own.bucket, own.prefix) = (client.bucket, "")
        self.settings = own
        owner = ["coldchain-job": job, "coldchain-run": run.description]
    }

    /// Makes the bucket where it is missing and sets it up: nobody sees it from outside, nobody deletes in it, uploads that
    /// nobody ends are dropped, and it is encrypted as the vault is.
    ///
    /// - Parameters:
    ///   - grace: days in which what is deleted can be taken back.
    ///   - principal: who writes it; nothing where that is not known.
    /// - Throws: `exists` for a bucket with anything of others; `permission`, with advice, where it can't be made.
    package func prepare(grace: Int, principal: String?) throws(Fault) {
        if try !client.bucketExists() {
            do throws(Fault) { try client.createBucket(withObjectLock: settings.lock != nil) } catch {
                throw error.hinting("'ship setup' prints the bucket and its policies for whoever may make them.")
            }
        } else {
            let tags = try client.bucketTags()
            if owner.allSatisfy({ tags[$0.key] == $0.value }) { return }
            guard try isEmpty(), !tags.keys.contains(where: { $0.hasPrefix("coldchain-") }) else {
                throw Fault(
                    .exists, "bucket \(client.name()) is there already, and is not the snapshot of this run",
                    hint:
                        "A snapshot is never overwritten: give the job another 'snapshot' template, or move the bucket away."
                )
            }
        }
        try block()
        var setup = try setup(grace: grace, principal: principal)
        try setup.apply()
        if let step = setup.steps.first(where: { $0.state == .failed }) {
            throw Fault(.incomplete, "bucket \(client.name()): \(step.name): \(step.why ?? "could not be set")")
        }
        // Last: from now on the bucket counts as set up.
        try client.putBucketTags(owner)
    }

    /// What the bucket is set to besides, for printing and for applying.
    package func setup(grace: Int, principal: String?) throws(Fault) -> BucketSetup {
        try BucketSetup(S3Store(client, prefix: "", vault.options), settings, grace: grace, principal: principal)
    }

    private func isEmpty() throws(Fault) -> Bool { try client.firstKey(prefix: ByteString()) == nil }

    private func block() throws(Fault) {
        let names = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
        try client.putConfiguration(
            .publicAccessBlock,
            XMLElement("PublicAccessBlockConfiguration", "", names.map { XMLElement($0, "true") }))
        guard let algorithm = settings.encryption else { return }
        var rule = [XMLElement("SSEAlgorithm", algorithm)]
        if let key = settings.kmsKey { rule.append(XMLElement("KMSMasterKeyID", key)) }
        try client.putConfiguration(
            .encryption,
            XMLElement(
                "ServerSideEncryptionConfiguration", "",
                [XMLElement("Rule", "", [XMLElement("ApplyServerSideEncryptionByDefault", "", rule)])]))
    }
}
