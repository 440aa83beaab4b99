import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Testing

@testable import Warehouse

/// Objects that lie in an archive class at the source, on moto, which refuses to copy them as S3 does.
@Suite(.enabled(if: MotoServer.isInstalled, "\(MotoServer.reason)"))
struct ArchivedSourceTests {
    @Test(.timeLimit(.minutes(5)))
    func `what must be restored first is told as archived, and copied once it is restored`() async throws {
        try await onOwnThread {
            var settings = HTTPSettings(userAgent: "coldchain-tests")
            settings.usesProxies = false
            let source = S3Client(
                bucket: "lake-" + RandomID.make(),
                endpoint: try S3Endpoint(url: try MotoServer.shared().http, region: "us-east-1"),
                http: HTTPClient(settings),
                credentials: FixedCredentials(Credentials(accessKey: "AKID", secretKey: Secret("secret"))))
            try source.createBucket()
            let target = source.sibling(bucket: "vault-" + RandomID.make())
            try target.createBucket()
            func put(_ key: ByteString, _ storageClass: String) throws -> CopyItem {
                var object = S3NewObject()
                object.storageClass = storageClass
                let etag = try source.put(
                    key, .bytes([1, 2]), digest: SHA256Hasher.digest(of: [1, 2]), object, sendsChecksum: false
                ).get().etag
                return CopyItem(key: key, size: 2, etag: etag)
            }
            let copier = ObjectCopier(from: source, to: target)
            let hot = try put("hot", "STANDARD")
            #expect(try copier.copy(hot, to: "hot", uploads: LargeCopies()) == .copied(etag: hot.etag))
            for storageClass in ["GLACIER", "DEEP_ARCHIVE"] {
                let item = try put(ByteString(storageClass), storageClass)
                #expect(try copier.copy(item, to: item.key, uploads: LargeCopies()) == .archived)
                #expect(try target.head(item.key) == nil)
                _ = try source.restore(item.key, days: 1, tier: "Bulk")
                #expect(try copier.copy(item, to: item.key, uploads: LargeCopies()) == .copied(etag: item.etag))
            }
        }
    }
}
