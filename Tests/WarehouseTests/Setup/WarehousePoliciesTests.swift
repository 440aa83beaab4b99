import Ledger
import Platform
import Settings
import Testing
import Vault

@testable import Warehouse

struct WarehousePoliciesTests {
    private func policies(_ change: (inout WarehouseSettings) -> Void = { _ in }) throws -> WarehousePolicies {
        var settings = WarehouseSettings(
            source: BucketSettings(bucket: "acme-lake", prefix: ""), inventories: [],
            prefix: try DatabasePrefix("{database}/"))
        change(&settings)
        return WarehousePolicies(
            settings, to: BucketSettings(bucket: "vault", prefix: "v"), region: "eu-central-1",
            principal: "arn:aws:iam::222222222222:role/ship")
    }

    private func text(_ policy: JSONValue?) throws -> String {
        String(decoding: try JSONFile.encode(policy), as: UTF8.self)
    }

    @Test func `the source lets ship read and list, and nothing else`() throws {
        let policy = try text(try policies().sourceBucketPolicy)
        for word in [
            "\"arn:aws:iam::222222222222:role/ship\"", "\"s3:ListBucket\"", "\"s3:GetObjectTagging\"",
            "\"arn:aws:s3:::acme-lake/*\"",
        ] { #expect(policy.contains(word), "\(word): \(policy)") }
        #expect(!policy.contains("Put") && !policy.contains("Delete") && !policy.contains("s3:*"))
        #expect(try policies().batchRolePolicy == nil)
        #expect(try !text(try policies().shipPolicy).contains("CreateJob"))
    }

    @Test func `jobs have a role of their own, which only writes below the vault`() throws {
        let policies = try policies {
            $0.batch = .init(account: "222222222222", roleARN: "arn:aws:iam::222222222222:role/batch")
        }
        #expect(try text(policies.shipPolicy).contains("\"iam:PassRole\""))
        #expect(try text(policies.sourceBucketPolicy).contains("role/batch"))
        #expect(try text(policies.batchTrustPolicy).contains("batchoperations.s3.amazonaws.com"))
        let role = try text(policies.batchRolePolicy)
        #expect(role.contains("\"arn:aws:s3:::vault/v/*\"") && !role.contains("Delete"), "\(role)")
    }

    @Test func `snapshots may be made by their pattern`() throws {
        let policies = try policies { $0.mode = .full }
        #expect(try text(policies.shipPolicy).contains("\"arn:aws:s3:::acme-lake-*-*-*\""))
    }
}
