import AWS
import Codec
import HTTP
import Ledger
import Platform
import TestSupport
import Testing

@testable import Vault

/// What Ceph can't show, on moto: objects in an archive class that must be restored first, inventory, and a store that
/// does not look at digests.
///
/// moto can't prove that wrong digests or keys are refused (it takes all), nor restores that are under way (they are done
/// at once).
@Suite(.enabled(if: MotoServer.isInstalled, "\(MotoServer.reason)"))
struct MotoTests {
    private func client() throws -> S3Client {
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.usesProxies = false
        let client = S3Client(
            bucket: "moto-" + RandomID.make(),
            endpoint: try S3Endpoint(url: try MotoServer.shared().http, region: "us-east-1"),
            http: HTTPClient(settings),
            credentials: FixedCredentials(Credentials(accessKey: "AKID", secretKey: Secret("secret"))))
        try client.createBucket()
        return client
    }

    @Test(.timeLimit(.minutes(10)))
    func `an archived object is proved without being read, and read once it is restored`() async throws {
        try await onOwnThread {
            let client = try client()
            var options = S3StoreOptions()
            options.archiveClass = "DEEP_ARCHIVE"
            let store = S3Store(client, prefix: "p", options)
            let bytes = content(6 << 20)
            let key = try ObjectKey("a.tar.gz")
            let receipt = try store.put(
                BytesSource(bytes), expecting: ExpectedContent(of: bytes), to: key,
                PutOptions(tags: ["coldchain-job": "siem"]))
            #expect(receipt.evidence == .head)
            try expectFault(.tryLater, "InvalidObjectState") { try store.read("a.tar.gz") }
            #expect(try store.verify(key, expecting: ExpectedContent(of: bytes)) == .head)
            try expectFault(.damaged) {
                try store.verify(key, expecting: ExpectedContent(of: content(6 << 20, seed: 2)))
            }
            let answer = try client.restore("p/a.tar.gz", days: 1, tier: "Bulk")
            #expect(answer == .requested)
            #expect(try store.read("a.tar.gz") == bytes)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `where the store does not look at digests they are compared here`() async throws {
        try await onOwnThread {
            let client = try client()
            let store = S3Store(client, prefix: "", S3StoreOptions())
            #expect(try !store.refusesWrongDigests())
            let bytes = content(11 << 20)
            var rotten = bytes
            rotten[6 << 20] ^= 1
            let expected = ExpectedContent(of: bytes, partSize: 5 << 20)
            try expectFault(.damaged, "rotten: part 2 of 3") {
                try store.put(
                    BytesSource(rotten, name: "rotten"), expecting: expected, to: try ObjectKey("a"), PutOptions())
            }
            #expect(try store.keys() == [])
            let receipt = try store.put(
                BytesSource(bytes), expecting: expected, to: try ObjectKey("a"), PutOptions())
            #expect(receipt.evidence >= .reread)
            #expect(try store.read("a") == bytes)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `inventory comes back as it was set, and attributes are told`() throws {
        let client = try client()
        #expect(try client.inventory(id: "daily") == nil)
        let destination = XMLElement(
            "S3BucketDestination", "",
            [
                XMLElement("Bucket", "arn:aws:s3:::\(client.bucket)"), XMLElement("Format", "CSV"),
                XMLElement("Prefix", "inventory"),
            ])
        try client.putInventory(
            id: "daily",
            XMLElement(
                "InventoryConfiguration", "",
                [
                    XMLElement("Destination", "", [destination]), XMLElement("IsEnabled", "true"),
                    XMLElement("Id", "daily"), XMLElement("IncludedObjectVersions", "Current"),
                    XMLElement("Schedule", "", [XMLElement("Frequency", "Daily")]),
                ]))
        #expect(try client.inventory(id: "daily")?.text("Id") == "daily")
        _ = try client.put(
            "k", .bytes([1, 2]), digest: SHA256Hasher.digest(of: [1, 2]), S3NewObject(), sendsChecksum: true
        ).get()
        #expect(try client.attributes("k").size == 2)
    }
}
