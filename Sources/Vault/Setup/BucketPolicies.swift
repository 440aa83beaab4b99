package import Settings

/// The policies of a bucket as AWS takes them ("Actions, resources, and condition keys for Amazon S3", Service
/// Authorization Reference).
package struct BucketPolicies: Sendable {
    private let settings: BucketSettings
    private let region: String
    /// The ARN of the role or user that ship has.
    private let principal: String?

    private static let version = JSONValue.string("2012-10-17")

    /// - Parameters:
    ///   - settings: of the vault.
    ///   - region: of the bucket.
    ///   - principal: the ARN of the role or user that ship has, if it is known.
    package init(_ settings: BucketSettings, region: String, principal: String?) {
        self.settings = settings
        self.region = region
        self.principal = principal
    }

    private var partition: String {
        region.hasPrefix("cn-") ? "aws-cn" : region.hasPrefix("us-gov-") ? "aws-us-gov" : "aws"
    }
    private var bucket: String { "arn:\(partition):s3:::\(settings.bucket)" }
    private var objects: String { bucket + (settings.prefix.isEmpty ? "/*" : "/\(settings.prefix)/*") }

    // MARK: What ship may

    /// The identity policy of ship: to write and to read below the prefix, and to delete nothing.
    package var ship: JSONValue {
        var listing: [String: JSONValue] = [
            "Sid": "ColdchainList", "Effect": "Allow", "Action": .strings(["s3:ListBucket", "s3:ListBucketVersions"]),
            "Resource": .string(bucket),
        ]
        if !settings.prefix.isEmpty {
            listing["Condition"] = .object([
                "StringLike": .object(["s3:prefix": .string("\(settings.prefix)/*")])
            ])
        }
        var statements: [JSONValue] = [
            .object(listing),
            .object([
                "Sid": "ColdchainBucket", "Effect": "Allow",
                "Action": .strings([
                    "s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning",
                    "s3:GetLifecycleConfiguration", "s3:ListBucketMultipartUploads",
                ]), "Resource": .string(bucket),
            ]),
            .object([
                "Sid": "ColdchainObjects", "Effect": "Allow", "Action": .strings(objectActions),
                "Resource": .string(objects),
            ]),
        ]
        if let key = settings.kmsKey { statements.append(kms(key)) }
        return .object(["Version": Self.version, "Statement": .array(statements)])
    }

    private var objectActions: [String] {
        var actions = [
            "s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectTagging", "s3:ListMultipartUploadParts",
            "s3:PutObject", "s3:PutObjectTagging", "s3:RestoreObject",
        ]
        if settings.lock != nil { actions += ["s3:GetObjectRetention", "s3:PutObjectRetention"] }
        return actions.sorted()
    }

    private func kms(_ key: String) -> JSONValue {
        var statement: [String: JSONValue] = [
            "Sid": "ColdchainKey", "Effect": "Allow", "Action": .strings(["kms:Decrypt", "kms:GenerateDataKey"]),
        ]
        if key.hasPrefix("arn:"), !key.contains(":alias/") {
            statement["Resource"] = .string(key)
        } else if let alias = key.firstRange(of: "alias/") {
            // A policy can't name an alias as a resource.
            statement["Resource"] = .string("arn:\(partition):kms:\(region):*:key/*")
            statement["Condition"] = .object([
                "StringEquals": .object(["kms:RequestAlias": .string(String(key[alias.lowerBound...]))])
            ])
        } else {
            statement["Resource"] = .string("arn:\(partition):kms:\(region):*:key/\(key)")
        }
        return .object(statement)
    }

    // MARK: What nobody else may

    private static let denyDelete = "ColdchainDenyDelete"
    private static let denyChange = "ColdchainDenyChange"

    /// What the bucket refuses: to everybody that anything is deleted, to all but ship that anything is replaced or tagged.
    ///
    /// The lifecycle is no principal: what it may delete it deletes.
    private var statements: [JSONValue] {
        var statements: [JSONValue] = [
            .object([
                "Sid": .string(Self.denyDelete), "Effect": "Deny", "Principal": "*",
                "Action": .strings([
                    "s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion",
                ]), "Resource": .string(objects),
            ])
        ]
        if let principal {
            statements.append(
                .object([
                    "Sid": .string(Self.denyChange), "Effect": "Deny", "Principal": "*",
                    "Action": .strings([
                        "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging", "s3:PutObject",
                        "s3:PutObjectTagging",
                        "s3:PutObjectVersionTagging",
                    ]), "Resource": .string(objects),
                    "Condition": .object(["ArnNotEquals": .object(["aws:PrincipalArn": .string(principal)])]),
                ]))
        }
        return statements
    }

    /// The bucket's policy: ours in the place of earlier ones, and the statements of others as they are.
    package func bucketPolicy(mergedWith live: JSONValue?) -> JSONValue {
        var fields: [String: JSONValue] = ["Version": Self.version]
        if case .object(let there) = live { fields.merge(there) { $1 } }
        let others = Self.statements(of: live).filter { statement in
            // One for another prefix of this bucket is of another vault.
            guard case .string(let id) = statement["Sid"] ?? .null,
                id.hasPrefix(Self.denyDelete) || (id.hasPrefix(Self.denyChange) && principal != nil)
            else { return true }
            return statement["Resource"] != .string(objects)
        }
        // Within a policy no two statements may have one name.
        let taken = Set(others.compactMap { $0["Sid"] })
        fields["Statement"] = .array(
            others
                + statements.map { statement in
                    guard case .object(var fields) = statement, let name = fields["Sid"], taken.contains(name),
                        case .string(let text) = name
                    else { return statement }
                    let suffix = settings.prefix.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
                    fields["Sid"] = .string(text + (suffix.isEmpty ? "Bucket" : suffix))
                    return .object(fields)
                })
        return .object(fields)
    }

    private static func statements(of policy: JSONValue?) -> [JSONValue] {
        switch policy?["Statement"] {
        case .array(let list): list
        case let one?: [one]
        case nil: []
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self = .string(value) }
}
