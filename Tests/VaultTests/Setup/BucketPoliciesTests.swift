import Settings
import Testing
import Vault

/// The policies as AWS takes them.
struct BucketPoliciesTests {
    private func settings(_ change: (inout BucketSettings) -> Void = { _ in }) -> BucketSettings {
        var settings = BucketSettings(bucket: "cold", prefix: "some/where")
        change(&settings)
        return settings
    }

    private func policies(
        _ settings: BucketSettings, region: String = "eu-central-1", principal: String? = nil
    ) -> BucketPolicies {
        BucketPolicies(settings, region: region, principal: principal)
    }

    private func statements(_ policy: JSONValue) -> [JSONValue] {
        if case .array(let list) = policy["Statement"] { list } else { [] }
    }

    private func actions(_ policy: JSONValue) -> Set<JSONValue> {
        var actions: Set<JSONValue> = []
        for statement in statements(policy) {
            if case .array(let list) = statement["Action"] { actions.formUnion(list) }
        }
        return actions
    }

    @Test func `ship may write and read below its prefix, and delete nothing`() throws {
        let policy = policies(settings()).ship
        #expect(policy["Version"] == "2012-10-17")
        let actions = actions(policy)
        #expect(actions.contains("s3:PutObject"))
        #expect(actions.contains("s3:AbortMultipartUpload"))
        #expect(!actions.contains("s3:PutObjectRetention"))
        for action in actions {
            guard case .string(let name) = action else { continue }
            #expect(!name.contains("Delete") && !name.contains("Bypass") && !name.contains("*"), "\(name)")
        }
        let objects = statements(policy).first { $0["Sid"] == "ColdchainObjects" }
        #expect(objects?["Resource"] == "arn:aws:s3:::cold/some/where/*")
        let listing = statements(policy).first { $0["Sid"] == "ColdchainList" }
        #expect(listing?["Condition"]?["StringLike"]?["s3:prefix"] == "some/where/*")
    }

    @Test func `locks, keys and other partitions change what is asked for`() throws {
        var bucket = settings {
            $0.lock = .init(mode: .governance, days: 1)
            $0.encryption = "aws:kms"
            $0.kmsKey = "alias/cold"
        }
        let policy = policies(bucket, region: "cn-north-1").ship
        #expect(actions(policy).contains("s3:PutObjectRetention"))
        let key = statements(policy).last
        #expect(key?["Condition"]?["StringEquals"]?["kms:RequestAlias"] == "alias/cold")
        #expect(key?["Resource"] == "arn:aws-cn:kms:cn-north-1:*:key/*")
        bucket.kmsKey = "arn:aws:kms:eu-central-1:1:key/2"
        #expect(statements(policies(bucket).ship).last?["Resource"] == "arn:aws:kms:eu-central-1:1:key/2")
        bucket.prefix = ""
        let whole = statements(policies(bucket).ship)
        #expect(whole.first?["Condition"] == nil)
        #expect(whole.first { $0["Sid"] == "ColdchainObjects" }?["Resource"] == "arn:aws:s3:::cold/*")
    }

    @Test func `nobody may delete, and only ship may write, where it is known`() throws {
        let open = statements(policies(settings()).bucketPolicy(mergedWith: nil))
        #expect(open.map { $0["Sid"] } == ["ColdchainDenyDelete"])
        #expect(open.first?["Effect"] == "Deny")
        #expect(open.first?["Principal"] == "*")
        #expect(open.first?["Condition"] == nil)
        let role = "arn:aws:iam::1:role/ship"
        let closed = statements(policies(settings(), principal: role).bucketPolicy(mergedWith: nil))
        #expect(closed.map { $0["Sid"] } == ["ColdchainDenyDelete", "ColdchainDenyChange"])
        #expect(closed.last?["Condition"]?["ArnNotEquals"]?["aws:PrincipalArn"] == .string(role))
    }

    @Test func `statements of others and of other vaults stay`() throws {
        let text = #"""
            {"Version": "2008-10-17", "Id": "x", "Statement":
              {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::cold/*",
               "Condition": {"NumericLessThan": {"s3:max-keys": 10}, "Bool": {"aws:SecureTransport": true}}}}
            """#
        let live = try JSONValue.read(Array(text.utf8))
        let merged = policies(settings()).bucketPolicy(mergedWith: live)
        #expect(merged["Id"] == "x")
        #expect(statements(merged).first == live["Statement"])
        #expect(statements(merged).count == 2)
        // Twice is once.
        #expect(policies(settings()).bucketPolicy(mergedWith: merged) == merged)
        let other = policies(settings { $0.prefix = "else" }).bucketPolicy(mergedWith: merged)
        #expect(statements(other).map { $0["Sid"] } == ["Theirs", "ColdchainDenyDelete", "ColdchainDenyDeleteelse"])
        #expect(policies(settings { $0.prefix = "else" }).bucketPolicy(mergedWith: other) == other)
        // Who does not say whom ship is takes nothing back of what was said before.
        let ship = "arn:aws:iam::123456789012:role/ship"
        let closed = policies(settings(), principal: ship).bucketPolicy(mergedWith: other)
        #expect(statements(closed).contains { $0["Sid"] == "ColdchainDenyChange" })
        #expect(
            statements(policies(settings()).bucketPolicy(mergedWith: closed)).contains {
                $0["Sid"] == "ColdchainDenyChange"
            })
    }
}
