import AWS
import HTTP
import Platform
import TestSupport
import Testing

/// What is taken for an answer, and what is not.
extension S3ClientRepairTests {
    /// The calls whose answer says what there is, or isn't.
    private static let readings: [(String, @Sendable (S3Client) throws -> Void)] = [
        ("lifecycle", { _ = try $0.configuration(.lifecycle) }),
        ("versioning", { _ = try $0.configuration(.versioning) }),
        ("object lock", { _ = try $0.configuration(.objectLock) }),
        ("inventory", { _ = try $0.inventory(id: "x") }), ("location", { _ = try $0.location() }),
        ("tags", { _ = try $0.tags("k") }), ("parts", { _ = try $0.parts("k", upload: "u") }),
        ("uploads", { try $0.uploads(prefix: "") { _ in } }), ("list", { try $0.list(prefix: "") { _ in } }),
        ("versions", { try $0.versions(prefix: "") { _ in } }), ("attributes", { _ = try $0.attributes("k") }),
        ("create", { _ = try $0.createUpload("k", S3NewObject(), sendsChecksums: false) }),
        ("copy", { _ = try $0.copy(.init("a", "s"), to: "k", S3NewObject()).mapError { $0.fault("s3://b/k") }.get() }),
    ]

    @Test(.timeLimit(.minutes(10)), arguments: 0..<readings.count)
    func `status 200 with another document than the one that was asked for is no answer`(_ number: Int) async throws {
        let (name, read) = Self.readings[number]
        try await onOwnThread {
            let proxy = try LoopbackServer { _, _ in .status(200, "<html><body>sign in</body></html>") }
            let fault = try expectFault(.damaged, "is a document 'html'") { try read(client(proxy)) }
            #expect(fault.message.hasPrefix("s3://b"), "\(name): \(fault)")
            #expect(proxy.requests.count == 1, "\(name)")
            let denying = try LoopbackServer { _, _ in Self.error(200, "AccessDenied") }
            try expectFault(.permission, "AccessDenied") { try read(client(denying)) }
            let busy = try LoopbackServer { _, number in
                number < 3 ? Self.error(200, "InternalError") : Self.error(403, "AccessDenied")
            }
            try expectFault(.permission, "AccessDenied") { try read(client(busy)) }
            #expect(busy.requests.count == 3, "\(name)")
        }
    }

    /// Ceph 16 asks a header of another name for the condition, and takes the source's tags over with its metadata.
    @Test(.timeLimit(.minutes(10)))
    func `a copy names its source, the condition, and what it does not take over`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, _ in
                .status(200, "<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>")
            }
            let source = S3Client.CopySource("from", "a b+c", version: "v", etag: "e")
            let written = try client(server).copy(source, to: "k", S3NewObject(), keepsMetadata: true).get()
            #expect(written.etag == "e")
            let request = try #require(server.requests.first)
            #expect(request.headers["x-amz-copy-source"] == "from/a%20b%2Bc?versionId=v")
            #expect(request.headers["x-amz-copy-source-if-match"] == "\"e\"")
            #expect(request.headers["x-amz-metadata-directive"] == "COPY")
            #expect(request.headers["x-amz-tagging-directive"] == "REPLACE")
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a document that is too long is asked for once, one that ends early again`() async throws {
        try await onOwnThread {
            let long = try LoopbackServer { _, _ in
                .status(200, "<ListPartsResult>" + String(repeating: "<a/>", count: 70_000) + "</ListPartsResult>")
            }
            try expectFault(.limit, "bytes of XML") { try client(long).parts("k", upload: "u") }
            #expect(long.requests.count == 1)
            let cut = try LoopbackServer { _, number in .status(200, number < 3 ? "<Tagging><TagSet" : "<Tagging/>") }
            #expect(try client(cut).tags("k") == [:])
            #expect(cut.requests.count == 3)
            // Of other servers than AWS, nothing at all means no tags.
            let empty = try LoopbackServer { _, _ in .status(200) }
            #expect(try client(empty).tags("k") == [:])
            try expectFault(.unreachable, "ends early") { try client(empty).configuration(.lifecycle) }
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: ["", "<IsTruncated/>", "<IsTruncated>maybe</IsTruncated>", "<IsTruncated>true</IsTruncated>"])
    func `a listing says that it is whole, or is not taken for that`(_ words: String) async throws {
        try await onOwnThread {
            let server = try LoopbackServer { request, _ in
                let name = request.path.contains("versions") ? "ListVersionsResult" : "ListBucketResult"
                return .status(200, "<\(name)>\(words)</\(name)>")
            }
            try expectFault(.damaged, "s3://b: the listing does not ") {
                try client(server).list(prefix: "") { _ in }
            }
            try expectFault(.damaged, "s3://b: the listing does not ") {
                try client(server).versions(prefix: "") { _ in }
            }
            #expect(server.requests.count == 2)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [1, 20])
    func `a page of a listing is held up to a limit`(_ kilobytes: Int) async throws {
        try await onOwnThread {
            let row = "<Contents><Key>\(String(repeating: "k", count: kilobytes << 10))</Key></Contents>"
            let count = kilobytes == 1 ? 100_001 : 2_000
            let server = try LoopbackServer { _, _ in
                .status(
                    200,
                    "<ListBucketResult>" + String(repeating: kilobytes == 1 ? "<Contents/>" : row, count: count)
                        + "</ListBucketResult>")
            }
            try expectFault(.limit, "a page of the listing has more than") {
                try client(server).list(prefix: "") { _ in }
            }
            #expect(server.requests.count == 1)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["", "2", "x", "1"])
    func `a list of parts that does not go on is no list`(_ marker: String) async throws {
        try await onOwnThread {
            let next = "<NextPartNumberMarker>\(marker)</NextPartNumberMarker>"
            let list = "<IsTruncated>true</IsTruncated>"
            let server = try LoopbackServer { request, _ in
                // The second page leads back to, or behind, the first one.
                let isFirst = !request.path.contains("marker") && request.headers["x-amz-part-number-marker"] == nil
                let page = list + (isFirst ? "<NextPartNumberMarker>2</NextPartNumberMarker>" : next)
                return request.path.contains("attributes")
                    ? .status(
                        200,
                        "<GetObjectAttributesResponse><ObjectParts>\(page)</ObjectParts></GetObjectAttributesResponse>")
                    : .status(200, "<ListPartsResult>\(page)</ListPartsResult>")
            }
            try expectFault(.damaged, "the list of parts does not go on") { try client(server).parts("k", upload: "u") }
            try expectFault(.damaged, "the list of parts does not go on") { try client(server).attributes("k") }
            #expect(server.requests.count == 4)
        }
    }
}
