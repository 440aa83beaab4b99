import AWS
import HTTP
import Platform
import Settings
import TestSupport
import Testing
import Vault

/// How a real bucket is set: read, compared, applied, and not when that would be dangerous.
///
/// Ceph can't prove that the lifecycle deletes by the tag alone; it keeps the rule as it is given.
@Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
struct BucketSetupTests {
    private func setup(_ bucket: CephBucket) throws -> BucketSetup {
        var settings = BucketSettings(bucket: bucket.client.bucket, prefix: CephBucket.prefix)
        settings.lock = .init(mode: .governance, days: 1)
        return try BucketSetup(bucket.store(), settings, grace: 30, principal: nil)
    }

    @Test(.timeLimit(.minutes(10)))
    func `what is applied is there, and a second time nothing is to do`() async throws {
        try await onOwnThread {
            let bucket = try CephBucket(withObjectLock: true)
            var first = try setup(bucket)
            #expect(first.refused.isEmpty)
            #expect(first.steps.map(\.name) == ["versioning", "object-lock", "lifecycle", "bucket-policy"])
            // Reading changes nothing.
            #expect(try bucket.client.configuration(.lifecycle) == nil)
            try first.apply()
            let failures = first.steps.filter { $0.state == .failed }
            #expect(failures.isEmpty)
            let second = try setup(bucket)
            #expect(second.steps.allSatisfy { $0.state == .asItIs }, "\(second.steps)")
            let live = try #require(try bucket.client.configuration(.lifecycle))
            #expect(live.all("Rule").count == 2)
            // Nobody deletes now, not even the owner.
            let store = bucket.store()
            try store.put([1], to: "siem/a")
            let key = bucket.key(try ObjectKey("siem/a"))
            try expectFault(.permission) { try bucket.client.perform(S3Call(.delete, key)) }
            #expect(try store.read("siem/a") == [1])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a rule that would delete our objects is refused, and nothing is changed`() async throws {
        try await onOwnThread {
            let bucket = try CephBucket(withObjectLock: true)
            let rule = XMLElement(
                "Rule", "",
                [
                    XMLElement("ID", "tidy up"), XMLElement("Filter", "", [XMLElement("Prefix", "")]),
                    XMLElement("Status", "Enabled"), XMLElement("Expiration", "", [XMLElement("Days", "90")]),
                ])
            try bucket.client.putConfiguration(.lifecycle, XMLElement("LifecycleConfiguration", "", [rule]))
            var setup = try setup(bucket)
            #expect(setup.refused.map(\.id) == ["tidy up"])
            #expect(setup.refused.first?.document.contains("<Days>90</Days>") == true)
            try expectFault(.unsupported, "'tidy up'") { try setup.apply() }
            #expect(setup.steps.allSatisfy { $0.state != .applied })
            #expect(try bucket.client.configuration(.lifecycle)?.all("Rule").count == 1)
            #expect(try bucket.client.policy() == nil)
        }
    }
}
