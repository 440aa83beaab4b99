import AWS
import HTTP
import Platform
import TestSupport
import Testing

@testable import Warehouse

@Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
struct SourceLookTests {
    @Test("Only a key that the source says it has not is gone", .timeLimit(.minutes(5)))
    func gone() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            try lake.put("d//é", [1])
            let look = SourceLook(lake.source)
            #expect(try look.find("d//é")?.size == 1)
            #expect(try look.find("d/é") == nil)
            try expectFault(.notFound, about: "a bucket that is not there") {
                try SourceLook(lake.source.sibling(bucket: "no-" + RandomID.make())).find("d//é")
            }
            let server = try RGWServer.shared()
            let stranger = S3Client(
                bucket: lake.source.bucket, endpoint: try S3Endpoint(url: server.http, region: "us-east-1"),
                http: HTTPClient(HTTPSettings(userAgent: "coldchain-tests")),
                credentials: FixedCredentials(Credentials(accessKey: server.accessKey, secretKey: Secret("wrong"))))
            for key: ByteString in ["d//é", "d/é"] {
                try expectFault(.permission, about: "\(key)") { try SourceLook(stranger).find(key) }
            }
        }
    }
}
