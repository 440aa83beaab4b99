package import Settings
package import Vault

/// The policies by which one account's ship reads the bucket of another, and by which S3 Batch Operations copies for it
/// ("Granting permissions for Batch Operations", S3 user guide).
package struct WarehousePolicies: Sendable {
    private let source: String
    private let inventories: [WarehouseSettings.InventoryPlace]
    private let vault: BucketSettings
    private let partition: String
    /// The ARN of the role or user that ship has, if it is known.
    private let principal: String?
    private let batch: WarehouseSettings.Batch?
    /// The buckets of snapshots, as a pattern; nothing without any.
    private let snapshots: String?

    private static let version = JSONValue.string("2012-10-17")

    /// - Parameters:
    ///   - warehouse: of the job.
    ///   - vault: the bucket that is copied to.
    ///   - region: of that bucket.
    ///   - principal: the ARN of the role or user that ship has, if it is known.
    package init(_ warehouse: WarehouseSettings, to vault: BucketSettings, region: String, principal: String?) {
        source = warehouse.source.bucket
        inventories = warehouse.inventories
        self.vault = vault
        partition = region.hasPrefix("cn-") ? "aws-cn" : region.hasPrefix("us-gov-") ? "aws-us-gov" : "aws"
        self.principal = principal
        batch = warehouse.batch
        snapshots = warehouse.mode == .full ? Self.pattern(warehouse) : nil
    }

    /// A snapshot's name with stars for the date.
    private static func pattern(_ warehouse: WarehouseSettings) -> String {
        var text = warehouse.snapshot.replacing("{source}", with: warehouse.source.bucket).lowercased()
        for field in ["{yyyy}", "{mmm}", "{mm}", "{dd}"] { text = text.replacing(field, with: "*") }
        return text
    }

    private func bucket(_ name: String) -> String { "arn:\(partition):s3:::\(name)" }

    private static func statement(
        _ id: String, _ actions: [String], _ resources: [String], principals: [String]? = nil
    ) -> JSONValue {
        var fields: [String: JSONValue] = [
            "Sid": .string(id), "Effect": "Allow", "Action": .strings(actions), "Resource": .strings(resources),
        ]
        if let principals { fields["Principal"] = .object(["AWS": .strings(principals)]) }
        return .object(fields)
    }

    private static func policy(_ statements: [JSONValue]) -> JSONValue {
        .object(["Version": version, "Statement": .array(statements)])
    }

    private static let reading = [
        "s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging",
    ]

    /// What the source bucket allows those who copy, across accounts.
    package var sourceBucketPolicy: JSONValue {
        let who = [principal ?? "arn:\(partition):iam::ACCOUNT:role/SHIP"] + (batch.map { [$0.roleARN] } ?? [])
        return Self.policy([
            Self.statement(
                "ColdchainList", ["s3:GetBucketLocation", "s3:ListBucket"], [bucket(source)], principals: who),
            Self.statement("ColdchainRead", Self.reading, [bucket(source) + "/*"], principals: who),
        ])
    }

    /// What the bucket of an inventory allows S3, which delivers it there.
    ///
    /// - Parameter place: where inventories arrive.
    /// - Returns: a bucket policy.
    package func inventoryBucketPolicy(_ place: WarehouseSettings.InventoryPlace) -> JSONValue {
        // The last two words are made by S3: the source's name, and that of the configuration.
        let below = place.prefix.split(separator: "/").dropLast(2).map { $0 + "/" }.joined()
        return Self.policy([
            .object([
                "Sid": "ColdchainInventory", "Effect": "Allow", "Action": "s3:PutObject",
                "Principal": .object(["Service": "s3.amazonaws.com"]),
                "Resource": .string(bucket("\(place.bucket)/\(below)\(source)/*")),
                "Condition": .object(["ArnLike": .object(["aws:SourceArn": .string(bucket(source))])]),
            ])
        ])
    }

    /// What the role of collect and ship needs besides what every vault needs.
    package var shipPolicy: JSONValue {
        var statements = [
            Self.statement("ColdchainSourceList", ["s3:GetBucketLocation", "s3:ListBucket"], [bucket(source)]),
            Self.statement("ColdchainSource", Self.reading, [bucket(source) + "/*"]),
        ]
        if !inventories.isEmpty {
            let buckets = Set(inventories.map(\.bucket)).sorted()
            statements.append(
                Self.statement(
                    "ColdchainInventoryList", ["s3:GetBucketLocation", "s3:ListBucket"], buckets.map(bucket)))
            statements.append(
                Self.statement(
                    "ColdchainInventories", ["s3:GetObject"],
                    inventories.map { bucket("\($0.bucket)/\($0.prefix)/*") }))
        }
        if let snapshots {
            statements.append(
                Self.statement(
                    "ColdchainSnapshot",
                    [
                        "s3:CreateBucket", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketPolicy",
                        "s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetLifecycleConfiguration",
                        "s3:ListBucket",
                        "s3:ListBucketMultipartUploads", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketPolicy",
                        "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
                        "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
                    ], [bucket(snapshots)]))
            statements.append(
                Self.statement(
                    "ColdchainSnapshotObjects",
                    [
                        "s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectTagging",
                        "s3:ListMultipartUploadParts", "s3:PutObject", "s3:PutObjectTagging", "s3:RestoreObject",
                    ], [bucket(snapshots) + "/*"]))
        }
        if let batch {
            statements.append(
                Self.statement("ColdchainJobs", ["s3:CreateJob", "s3:DescribeJob", "s3:UpdateJobStatus"], ["*"]))
            statements.append(Self.statement("ColdchainPassRole", ["iam:PassRole"], [batch.roleARN]))
        }
        return Self.policy(statements)
    }

    /// What the role of the jobs may; nothing where there are no jobs.
    package var batchRolePolicy: JSONValue? {
        guard let batch else { return nil }
        let below = vault.prefix.isEmpty ? "" : vault.prefix + "/"
        let writing = [
            "s3:PutObject", "s3:PutObjectLegalHold", "s3:PutObjectRetention", "s3:PutObjectTagging",
        ]
        var statements = [
            Self.statement("ColdchainSource", Self.reading, [bucket(source) + "/*"]),
            Self.statement(
                "ColdchainCopies", writing,
                [bucket("\(vault.bucket)/\(below)*")] + (snapshots.map { [bucket($0) + "/*"] } ?? [])),
            Self.statement(
                "ColdchainManifests", ["s3:GetObject", "s3:GetObjectVersion"],
                [bucket("\(vault.bucket)/\(below)*")]),
        ]
        if let report = batch.report {
            statements.append(Self.statement("ColdchainReports", ["s3:PutObject"], [bucket(report) + "/*"]))
        }
        return Self.policy(statements)
    }

    /// Who may have the role of the jobs; nothing where there are no jobs.
    package var batchTrustPolicy: JSONValue? {
        guard batch != nil else { return nil }
        return Self.policy([
            .object([
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": .object(["Service": "batchoperations.s3.amazonaws.com"]),
            ])
        ])
    }
}
