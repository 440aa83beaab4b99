import AWS
import Platform
import TestSupport
import Testing

/// A job with one archive of several upload parts, packed, and a bucket of Ceph's gateway behind a proxy.
struct BucketWorld: Sendable {
    let world: Pipeline
    let proxy: FaultProxy
    let server: RGWServer
    let bucket: String
    let environment: [String: String?]

    static let host = "web1"
    static let key = "v/logs/acme/2025/11/19/web1.tar.gz"
    /// Bytes of an upload part of an archive of less than 140 GB.
    static let partSize = 16 << 20
    static let parts = 4
    static let uploads = 2

    /// Bytes that don't get smaller, for a little more than three parts, and a small archive of another host.
    init() async throws {
        server = try await onOwnThread { try RGWServer.shared() }
        world = try Pipeline()
        let large = try world.host(Self.host)
        try large.file("acme/small", text: "x\n")
        try await world.shell(
            "head -c $1 /dev/urandom > \"$2\"", ["\(3 * Self.partSize + 100_000)", world.source + "/web1/acme/big"])
        try world.host("web2").file("acme/other", text: "y\n")
        (proxy, bucket, environment) = try Self.reach(world, server)
        try writeSettings()
        try await world.initialize()
        for program in [Program.collect, .pack] { try await world.expect(program, ["logs", "--run", Pipeline.run]) }
    }

    /// The same before it is shipped, with a bucket and a proxy of its own.
    init(copyOf other: BucketWorld) async throws {
        server = other.server
        world = try Pipeline(other.world.job, source: other.world.source)
        try await world.shell(
            "cd \"$1\" && cp -a staging state \"$2\"", [other.world.root, world.root])
        (proxy, bucket, environment) = try Self.reach(world, server)
        try writeSettings()
        try await world.initialize()
        try await direct { try $0.createBucket(withObjectLock: false) }
    }

    private static func reach(_ world: Pipeline, _ server: RGWServer) throws
        -> (FaultProxy, String, [String: String?])
    {
        let port = server.http.split(separator: ":").last.flatMap { Int($0) } ?? 0
        return (try FaultProxy(to: port), "kill-" + RandomID.make(), world.awsEnvironment(server))
    }

    private func writeSettings() throws {
        try world.useBucket("\(bucket)/v", at: proxy.url, ["uploads = \(Self.uploads)"])
    }

    /// `ship logs --run DATE`, with something that happens to it.
    func ship(_ injection: Injection? = nil, through wrapper: [String] = []) async throws -> RunResult {
        var environment = environment
        if let injection { environment.merge(injection.environment(try await FaultLibrary.shared.path())) { $1 } }
        return try await TestSupport.run(
            wrapper + [Program.ship.path, "logs", "--run", Pipeline.run], environment: environment)
    }

    /// Runs `body` with a client that goes past the proxy.
    func direct<R: Sendable>(_ body: @escaping @Sendable (S3Client) throws -> R) async throws -> R {
        try await onOwnThread { [server, bucket] in
            try body(
                .direct(bucket, at: server.http, accessKey: server.accessKey, secretKey: server.secretKey))
        }
    }

    /// The keys in the bucket, and the uploads that are not over.
    func content() async throws -> (keys: [String], uploads: [String]) {
        try await direct { client in
            var (keys, uploads): ([String], [String]) = ([], [])
            try client.list(prefix: "") { keys.append($0.key.description) }
            try client.uploads(prefix: "") { uploads.append($0.key.description) }
            return (keys, uploads)
        }
    }

    /// What is wrong in the bucket, or with what was sent, once all is shipped.
    func problems() async throws -> [String] {
        let (keys, uploads) = try await content()
        var problems = uploads.map { "open upload of \($0)" }
        let archives = keys.filter { !$0.contains("/_ledger/") }
        let expected = ["web1", "web2"].flatMap { host in
            [".index.tsv.gz", ".sha256", ".tar.gz"].map { "v/logs/acme/2025/11/19/\(host)\($0)" }
        }
        if archives != expected { problems.append("keys \(archives)") }
        let file = world.runDirectory() + "/pack/acme/2025/11/19/web1.tar.gz"
        let wanted = try world.read(file)
        let isRight = try await direct { client in
            var found: [UInt8] = []
            try client.get(ByteString(Self.key), 0..<Int64(wanted.count) + 1) { found.append(contentsOf: $0) }
            return found == wanted
        }
        if !isRight { problems.append("other bytes") }
        let tags = try await direct { try $0.tags(ByteString(Self.key)) }
        if tags["coldchain-job"] != "logs" { problems.append("tags \(tags)") }
        return problems
    }
}
