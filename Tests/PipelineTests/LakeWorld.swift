import AWS
import Codec
import Crypto
import Glibc
import HTTP
import Platform
import TestSupport
import Testing

/// A warehouse's bucket, its inventories, and a vault, all of one server, with a job over them.
struct LakeWorld: Sendable {
    /// Ceph's gateway, or moto, of which archive classes must be restored first.
    enum Server { case gateway, moto }

    let world: Pipeline
    let source: S3Client
    let vault: S3Client
    let inventories: S3Client
    let environment: [String: String?]

    /// Makes the buckets and the job.
    ///
    /// - Parameters:
    ///   - lines: further lines of the job's settings.
    ///   - kind: the server.
    ///   - vaultLines: of the vault's settings.
    ///   - isLocked: whether the vault's bucket has Object Lock.
    /// - Throws: what keeps the world from being made.
    init(
        _ lines: [String] = [], on kind: Server = .gateway,
        vault vaultLines: [String] = ["storage_class = \"GLACIER\""], isLocked: Bool = false
    ) async throws {
        let server = try await onOwnThread {
            switch kind {
            case .gateway:
                let gateway = try RGWServer.shared()
                return (http: gateway.http, accessKey: gateway.accessKey, secretKey: gateway.secretKey)
            case .moto: return (http: try MotoServer.shared().http, accessKey: "AKID", secretKey: "secret")
            }
        }
        world = try Pipeline()
        let id = RandomID.make()
        let source = try S3Client.direct(
            "lake-" + id, at: server.http, accessKey: server.accessKey, secretKey: server.secretKey)
        self.source = source
        let (vault, inventories) = (source.sibling(bucket: "vault-" + id), source.sibling(bucket: "inv-" + id))
        (self.vault, self.inventories) = (vault, inventories)
        environment = world.awsEnvironment(
            accessKey: server.accessKey, secretKey: server.secretKey,
            [
                "AWS_ENDPOINT_URL": server.http, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
                "aws_conditional_put": "etag",
            ])
        try world.useBucket("\(vault.bucket)/v", at: server.http, vaultLines)
        let head = [
            "kind = \"warehouse\"", "source = { bucket = \"\(source.bucket)\", endpoint = \"\(server.http)\" }",
            "inventory = [\"s3://\(inventories.bucket)/inv/\(source.bucket)/daily\"]", "wait = \"0 s\"",
            "lag = \"1 day\"",
        ]
        try TreeBuilder(world.root + "/etc").file(
            "jobs.d/lake.toml", text: (head + lines).joined(separator: "\n") + "\n")
        try await onOwnThread {
            for client in [source, inventories] { try client.createBucket() }
            try vault.createBucket(withObjectLock: isLocked)
        }
        try await world.initialize()
    }

    // MARK: Objects

    func put(_ client: S3Client, _ key: ByteString, _ bytes: [UInt8]) throws {
        _ = try client.put(
            key, .bytes(bytes), digest: SHA256Hasher.digest(of: bytes), S3NewObject(), sendsChecksum: false
        ).get()
    }

    /// Puts objects into the source, many at once.
    func fill(_ objects: [(ByteString, [UInt8])]) async throws {
        try await onOwnThread {
            let queue = BoundedQueue<(ByteString, [UInt8])>(capacity: max(1, objects.count))
            for object in objects { queue.push(object) }
            queue.close()
            let crew = ThreadCrew { queue.cancel() }
            for number in 0..<16 {
                try crew.start("fill-\(number)") {
                    while let (key, bytes) = queue.pop() { try put(source, key, bytes) }
                }
            }
            try crew.join()
        }
    }

    /// All objects of a bucket by their keys: ETag, and when they were written.
    func objects(_ client: S3Client, _ prefix: ByteString = ByteString()) async throws
        -> [ByteString: (etag: String, modified: Timestamp)]
    {
        try await onOwnThread {
            var found: [ByteString: (etag: String, modified: Timestamp)] = [:]
            try client.list(prefix: prefix) { found[$0.key] = ($0.etag, $0.modified) }
            return found
        }
    }

    func delete(_ client: S3Client, _ keys: [ByteString]) async throws {
        try await onOwnThread { for key in keys { _ = try client.perform(S3Call(.delete, key)) } }
    }

    // MARK: Inventories

    /// Makes the inventory of a day out of what the bucket lists, and rows for objects of a class that can't be copied.
    ///
    /// - Parameters:
    ///   - day: when it was begun.
    ///   - archived: so many rows more, over all databases that there are.
    /// - Throws: the store's fault.
    func inventory(_ day: String, archived: Int = 0) async throws {
        try await onOwnThread {
            var text = ""
            var databases: Set<String> = []
            func row(_ key: ByteString, _ size: Int64, _ etag: String, _ storageClass: String) {
                let name = PercentEncoding.encode(key.bytes, keepingSlash: true).replacing("%20", with: "+")
                text +=
                    "\"\(source.bucket)\",\"\(name)\",\"\(size)\",\"2026-03-01T00:00:00.000Z\",\"\(etag)\",\"\(storageClass)\"\n"
            }
            try source.list(prefix: "") { object in
                if let database = object.key.components.first { databases.insert(database.description) }
                row(object.key, object.size, object.etag, object.storageClass)
            }
            let names = databases.sorted()
            for number in 0..<archived {
                row(
                    ByteString("\(names[number % names.count])/old/\(number)"), 1_000, "0123456789abcdef",
                    "DEEP_ARCHIVE")
            }
            let gzip = try runBlocking(["gzip", "-nc"], stdin: Array(text.utf8))
            let bytes = gzip.stdout
            let place = "inv/\(source.bucket)/daily"
            let part = "\(place)/data/\(day)-0.csv.gz"
            guard let moment = Timestamp(rfc3339: "\(day)T01:00:00Z") else { throw Fault(.usage, day) }
            let manifest = """
                {"sourceBucket":"\(source.bucket)","destinationBucket":"arn:aws:s3:::\(inventories.bucket)",\
                "version":"2016-11-30","creationTimestamp":"\(moment.seconds * 1_000)","fileFormat":"CSV",\
                "fileSchema":"Bucket, Key, Size, LastModifiedDate, ETag, StorageClass",\
                "files":[{"key":"\(part)","size":\(bytes.count),"MD5checksum":"\(Self.md5(bytes))"}]}
                """
            try put(inventories, ByteString(part), bytes)
            let directory = "\(place)/\(day)T01-00Z"
            try put(inventories, ByteString("\(directory)/manifest.json"), Array(manifest.utf8))
            try put(
                inventories, ByteString("\(directory)/manifest.checksum"), Array(Self.md5(Array(manifest.utf8)).utf8))
        }
    }

    static func md5(_ bytes: [UInt8]) -> String {
        Insecure.MD5.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// S3 Batch Operations, on this gateway.
    var batchOperations: BatchOperations {
        BatchOperations { [source] bucket, key in
            let client = source.sibling(bucket: bucket)
            guard let info = try client.head(key) else { throw Fault(.notFound, "\(key)") }
            var bytes: [UInt8] = []
            if info.size > 0 { try client.get(key, 0..<info.size) { bytes.append(contentsOf: $0) } }
            return (bytes, info.etag)
        } write: { [self] bucket, key, bytes in
            try put(source.sibling(bucket: bucket), key, bytes)
        } copy: { [source] from, to, job in
            var object = S3NewObject()
            object.storageClass = job.text("StorageClass")
            let origin = S3Client.CopySource(from.bucket, from.key)
            let client = source.sibling(bucket: to.bucket)
            guard case .failure(let error) = try client.copy(origin, to: to.key, object, keepsMetadata: true) else {
                return nil
            }
            return (error.status, error.code)
        } md5: {
            Self.md5($0)
        }
    }

    // MARK: Programs

    func callAsFunction(
        _ program: Program, _ arguments: [String], through wrapper: [String] = [], _ injection: Injection? = nil
    ) async throws -> RunResult {
        var environment = environment
        if let injection {
            environment.merge(injection.environment(try await FaultLibrary.shared.path())) { $1 }
        }
        return try await TestSupport.run(
            wrapper + [program.path] + arguments, environment: environment, timeout: 300)
    }

    /// Runs a command that must end with `status`.
    @discardableResult
    func expect(
        _ program: Program, _ arguments: [String], status: Int32 = 0, _ location: SourceLocation = #_sourceLocation
    ) async throws -> RunResult {
        let result = try await self(program, arguments)
        #expect(
            result.status == status && !result.isCrash,
            "\(program.rawValue) \(arguments.joined(separator: " ")): \(result)", sourceLocation: location)
        return result
    }

    /// Python with deltalake, told where the bucket is.
    func python(_ script: String, _ location: SourceLocation = #_sourceLocation) async throws -> RunResult {
        let head = "bucket = '\(source.bucket)'\n"
        let result = try await TestSupport.run(
            [Repository.python, "-c", head + script], environment: environment, timeout: 120)
        #expect(result.status == 0, "\(result)", sourceLocation: location)
        return result
    }
}
