import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Testing

/// The calls of the S3 API, made to Ceph's object gateway; restore, inventory and GetObjectAttributes it doesn't have.
@Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
struct S3ClientTests {
    private func bucket(overTLS: Bool = false, withObjectLock: Bool = false) throws -> S3Client {
        let server = try RGWServer.shared()
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.certificates = server.certificate
        settings.usesProxies = false
        let client = S3Client(
            bucket: "aws-" + RandomID.make(),
            endpoint: try S3Endpoint(url: overTLS ? server.tls : server.http, region: "us-east-1"),
            http: HTTPClient(settings),
            credentials: FixedCredentials(
                Credentials(accessKey: server.accessKey, secretKey: Secret(server.secretKey))))
        try client.createBucket(withObjectLock: withObjectLock)
        return client
    }

    @discardableResult
    private func put(_ client: S3Client, _ key: ByteString, _ bytes: [UInt8], exclusively: Bool = false) throws
        -> S3Client.Written
    {
        var object = S3NewObject()
        object.isExclusive = exclusively
        return try client.put(
            key, .bytes(bytes), digest: SHA256Hasher.digest(of: bytes), object, sendsChecksum: true
        ).get()
    }

    private func get(_ client: S3Client, _ key: ByteString, _ range: Range<Int64>) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try client.get(key, range) { bytes.append(contentsOf: $0) }
        return bytes
    }

    private static let oddKeys: [ByteString] = [
        " ", "a b", "+", "%", "%2B", "&", "=", "#", "?", "a?versionId=x", "é/日本", "/leading", "a//b", "trailing/",
        "a/./b",
        "a/../b", "*'()!,;:@$[]~", "\"<>&\\", "a\tb", "line\nfeed", "\u{1}",
    ]

    @Test(.timeLimit(.minutes(10)), arguments: [false, true])
    func `keys with every odd byte come back as they were`(_ overTLS: Bool) async throws {
        try await onOwnThread {
            let client = try bucket(overTLS: overTLS)
            for key in Self.oddKeys { try put(client, key, key.bytes) }
            for key in Self.oddKeys {
                #expect(try get(client, key, 0..<Int64(key.count)) == key.bytes, "\(key)")
                #expect(try client.head(key)?.size == Int64(key.count), "\(key)")
            }
            for pageSize in [3, 1_000] {
                var listed: [ByteString] = []
                try client.list(prefix: "", pageSize: pageSize) { listed.append($0.key) }
                #expect(listed == Self.oddKeys.sorted())
                var versions: [ByteString] = []
                try client.versions(prefix: "", pageSize: pageSize) { versions.append($0.key) }
                #expect(versions == Self.oddKeys.sorted())
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `the server refuses bytes that are not those that were signed`() throws {
        let client = try bucket()
        let outcome = try client.put(
            "k", .bytes([1, 2, 3]), digest: SHA256Hasher.digest(of: [1, 2, 4]), S3NewObject(), sendsChecksum: false)
        guard case .failure(let error) = outcome else {
            Issue.record("it was taken")
            return
        }
        #expect(error.isDigestMismatch)
        #expect(error.fault("x").code == .damaged)
        #expect(try client.head("k") == nil)
    }

    @Test(.timeLimit(.minutes(10)))
    func `ranges, missing keys and taken keys`() throws {
        let client = try bucket()
        let bytes = Array(0..<200).map { UInt8($0) }
        let written = try put(client, "k", bytes, exclusively: true)
        #expect(try get(client, "k", 0..<200) == bytes)
        #expect(try get(client, "k", 17..<42) == Array(bytes[17..<42]))
        #expect(try get(client, "k", 190..<900) == Array(bytes[190...]))
        try expectFault(.notFound, "/none: NoSuchKey") { try get(client, "none", 0..<1) }
        try expectFault(.changed) { try client.get("k", 0..<1, etag: "0123") { _ in } }
        let again = fault { try put(client, "k", [1], exclusively: true) }
        #expect(again != nil)
        #expect(try client.head("k")?.etag == written.etag)
        let stopped = try expectFault(.tryLater) {
            try client.get("k", 0..<200) { _ throws(Fault) in throw Fault(.tryLater, "enough") }
        }
        #expect(stopped.message.contains("enough"))
    }

    @Test(.timeLimit(.minutes(10)))
    func `parts are listed, completed, copied and aborted`() async throws {
        try await onOwnThread {
            let client = try bucket()
            let bytes = [UInt8](repeating: 7, count: 5 << 20)
            let digest = SHA256Hasher.digest(of: bytes)
            let upload = try client.createUpload("m", S3NewObject(), sendsChecksums: false)
            let one = try client.uploadPart(
                "m", upload: upload, number: 1, .bytes(bytes), digest: digest, sendsChecksum: false
            ).get()
            #expect(try client.parts("m", upload: upload)?.map(\.etag) == [one.etag])
            try put(client, "source +é", bytes)
            let two = try client.uploadPartCopy(
                "m", upload: upload, number: 2, from: S3Client.CopySource(client.bucket, "source +é"), range: 0..<100
            ).get()
            var open: [String] = []
            try client.uploads(prefix: "m") { open.append($0.id) }
            #expect(open == [upload])
            _ = try client.completeUpload(
                "m", upload: upload, [one, two], size: 100 + (5 << 20), sendsChecksums: false, isExclusive: true
            ).get()
            #expect(try client.head("m")?.size == 100 + (5 << 20))
            let again = try client.createUpload("n", S3NewObject(), sendsChecksums: false)
            try client.abortUpload("n", upload: again)
            try client.abortUpload("n", upload: again)
            #expect(try client.parts("n", upload: again) == nil)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a copy has its own metadata and tags`() throws {
        let client = try bucket()
        var object = S3NewObject()
        object.tags = ["retired": "true"]
        object.metadata = ["a": "1"]
        _ = try client.put(
            "a b+c%", .bytes([1]), digest: SHA256Hasher.digest(of: [1]), object, sendsChecksum: false
        ).get()
        var copy = S3NewObject()
        copy.metadata = ["b": "2"]
        copy.storageClass = "GLACIER"
        let written = try client.copy(S3Client.CopySource(client.bucket, "a b+c%"), to: "c", copy).get()
        let info = try #require(try client.head("c"))
        #expect(info.etag == written.etag)
        #expect(info.metadata == ["b": "2"])
        #expect(info.storageClass == "GLACIER")
        #expect(try client.tags("c").isEmpty)
        #expect(try client.tags("a b+c%") == ["retired": "true"])
        let kept = try client.copy(
            S3Client.CopySource(client.bucket, "a b+c%", etag: written.etag), to: "e", copy, keepsMetadata: true
        ).get()
        #expect(kept.etag == written.etag)
        #expect(try client.head("e")?.metadata == ["a": "1"])
        let missing = try client.copy(S3Client.CopySource(client.bucket, "none"), to: "d", copy)
        #expect(throws: S3Error.self) { try missing.get() }
    }

    @Test(.timeLimit(.minutes(10)))
    func `what a bucket is set to comes back`() throws {
        let client = try bucket(withObjectLock: true)
        #expect(try client.configuration(.versioning)?.text("Status") == "Enabled")
        #expect(try client.configuration(.objectLock)?.text("ObjectLockEnabled") == "Enabled")
        #expect(try client.configuration(.lifecycle) == nil)
        #expect(try client.policy() == nil)
        let rule = XMLElement(
            "Rule", "",
            [
                XMLElement("ID", "abort"), XMLElement("Status", "Enabled"),
                XMLElement("Filter", "", [XMLElement("Prefix", "logs/")]),
                XMLElement("AbortIncompleteMultipartUpload", "", [XMLElement("DaysAfterInitiation", "7")]),
            ])
        try client.putConfiguration(.lifecycle, XMLElement("LifecycleConfiguration", "", [rule]))
        #expect(try client.configuration(.lifecycle)?["Rule"]?.text("ID") == "abort")
        let policy = """
            {"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject",\
            "Resource":"arn:aws:s3:::\(client.bucket)/*"}]}
            """
        try client.putPolicy(Array(policy.utf8))
        #expect(try client.policy().map { String(decoding: $0, as: UTF8.self) }?.contains("DeleteObject") == true)
        #expect(try !client.location().isEmpty)
        try put(client, "v", [1])
        try put(client, "v", [2])
        var versions: [Bool] = []
        try client.versions(prefix: "v") { versions.append($0.isLatest) }
        #expect(versions == [true, false])
    }
}
