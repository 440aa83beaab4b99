import Platform

/// A job of S3 Batch Operations that copies what a manifest lists (S3 Control API, CreateJob with `S3PutObjectCopy`).
///
/// Such a copy takes the source's metadata over and has the tags that stand here; it knows no condition, and nothing of
/// more than 5 GB.
package struct BatchCopyJob: Sendable, Equatable {
    /// The formats of manifests (`JobManifestFormat`).
    package enum ManifestFormat: String, Sendable {
        case csv = "S3BatchOperations_CSV_20180820"
        /// The `manifest.json` of an inventory report.
        case inventory = "S3InventoryReport_CSV_20161130"
    }

    /// The same token gives the same job; at most 64 characters.
    package var token: String
    package var description: String
    /// What the service acts as.
    package var roleARN: String
    package var manifestFormat: ManifestFormat
    package var manifestHasVersions = false
    package var manifestARN: String
    /// Of the manifest, without quotes.
    package var manifestETag: String
    /// Where the completion report goes.
    package var reportBucketARN: String
    /// Without a slash at its end.
    package var reportPrefix: String
    package var targetARN: String
    /// What the keys get in front, without the slash that the service puts between; empty for nothing.
    package var targetPrefix: String
    /// Empty for the bucket's default.
    package var storageClass = ""
    package var tags: [String: String] = [:]
    package var kmsKey: String?
    package var lock: S3NewObject.Lock?

    package init(
        token: String, description: String, roleARN: String, manifestFormat: ManifestFormat, manifestARN: String,
        manifestETag: String, reportBucketARN: String, reportPrefix: String, targetARN: String, targetPrefix: String
    ) {
        self.token = token
        self.description = description
        self.roleARN = roleARN
        self.manifestFormat = manifestFormat
        self.manifestARN = manifestARN
        self.manifestETag = manifestETag
        self.reportBucketARN = reportBucketARN
        self.reportPrefix = reportPrefix
        self.targetARN = targetARN
        self.targetPrefix = targetPrefix
    }

    /// More important than the jobs with a lower number.
    private static let priority = 10
    /// The longest description (`NonEmptyMaxLength256String`), in characters.
    private static let longestDescription = 256

    /// The body of the request: what tells two wishes apart.
    package var request: [UInt8] { document.document(namespace: S3ControlClient.namespace) }

    private var document: XMLElement {
        XMLElement(
            "CreateJobRequest", "",
            [
                // Nobody is there to confirm.
                XMLElement("ConfirmationRequired", "false"), XMLElement("Operation", "", [operation]), report,
                XMLElement("ClientRequestToken", token), manifest,
                XMLElement("Description", String(description.prefix(Self.longestDescription))),
                XMLElement("Priority", "\(Self.priority)"), XMLElement("RoleArn", roleARN),
            ])
    }

    private var operation: XMLElement {
        var fields = [XMLElement("TargetResource", targetARN), XMLElement("MetadataDirective", "COPY")]
        // Without it the tags of the source would come along.
        fields.append(
            XMLElement(
                "NewObjectTagging", "",
                tags.sorted { $0.key < $1.key }.map {
                    XMLElement("member", "", [XMLElement("Key", $0.key), XMLElement("Value", $0.value)])
                }))
        if !storageClass.isEmpty { fields.append(XMLElement("StorageClass", storageClass)) }
        if let kmsKey { fields.append(XMLElement("SSEAwsKmsKeyId", kmsKey)) }
        if !targetPrefix.isEmpty { fields.append(XMLElement("TargetKeyPrefix", targetPrefix)) }
        if let lock {
            fields.append(XMLElement("ObjectLockMode", lock.mode))
            fields.append(XMLElement("ObjectLockRetainUntilDate", lock.until.rfc3339))
        }
        return XMLElement("S3PutObjectCopy", "", fields)
    }

    private var report: XMLElement {
        XMLElement(
            "Report", "",
            [
                XMLElement("Bucket", reportBucketARN), XMLElement("Format", "Report_CSV_20180820"),
                XMLElement("Enabled", "true"), XMLElement("Prefix", reportPrefix),
                XMLElement("ReportScope", "AllTasks"),
            ])
    }

    private var manifest: XMLElement {
        var specification = [XMLElement("Format", manifestFormat.rawValue)]
        if manifestFormat == .csv {
            let names = ["Bucket", "Key"] + (manifestHasVersions ? ["VersionId"] : [])
            specification.append(XMLElement("Fields", "", names.map { XMLElement("member", $0) }))
        }
        return XMLElement(
            "Manifest", "",
            [
                XMLElement("Spec", "", specification),
                XMLElement(
                    "Location", "", [XMLElement("ObjectArn", manifestARN), XMLElement("ETag", manifestETag)]),
            ])
    }
}

/// How a job of S3 Batch Operations stands (S3 Control API, DescribeJob).
package struct BatchJobStatus: Sendable, Equatable {
    package var id: String
    /// The service's word: `New`, `Preparing`, `Active`, `Complete` and others.
    package var state: String
    package var tasks: Int64 = 0
    package var succeeded: Int64 = 0
    package var failed: Int64 = 0
    /// Why the job as a whole has failed.
    package var reasons: [String] = []

    /// Whether nothing of the job is under way any more.
    package var isOver: Bool { ["Complete", "Failed", "Cancelled"].contains(state) }

    init?(_ job: XMLElement) {
        guard let id = job.text("JobId"), let state = job.text("Status") else { return nil }
        self.id = id
        self.state = state
        let progress = job["ProgressSummary"]
        func number(_ name: String) -> Int64 { progress?.text(name).flatMap { Int64($0) } ?? 0 }
        tasks = number("TotalNumberOfTasks")
        succeeded = number("NumberOfTasksSucceeded")
        failed = number("NumberOfTasksFailed")
        reasons = (job["FailureReasons"]?.children ?? []).map { reason in
            [reason.text("FailureCode"), reason.text("FailureReason")].compactMap { $0 }.joined(separator: ": ")
        }
    }
}
