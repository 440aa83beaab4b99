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
    static let key = "v/logs/all/web1.tar.gz"
    /// Bytes of an upload part of an archive of less than 140 GB.
    static let partSize = 16 << 20
    static let parts = 4
    static let uploads = 2

    /// Bytes that don't get smaller, for a little more than three parts, and a small archive of another host.
    init() async throws {
        server = try await onOwnThread { try RGWServer.shared() }
        var job = Pipeline.Job()
        job.archive = "all/{host}"
        world = try Pipeline(job)
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
        try await curl(["-X", "PUT", "\(server.tls)/\(bucket)"])
    }

    private static func reach(_ world: Pipeline, _ server: RGWServer) throws
        -> (FaultProxy, String, [String: String?])
    {
        var environment: [String: String?] = [
            "AWS_ACCESS_KEY_ID": server.accessKey, "AWS_SECRET_ACCESS_KEY": server.secretKey,
            "AWS_EC2_METADATA_DISABLED": "true", "HOME": world.root,
        ]
        for name in ["AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "http_proxy", "HTTP_PROXY", "all_proxy"] {
            environment[name] = .some(nil)
        }
        let port = server.http.split(separator: ":").last.flatMap { Int($0) } ?? 0
        return (
            try FaultProxy(to: port), "kill-" + RandomID.make(),
            environment.merging(world.environment) { one, _ in one }
        )
    }

    private func writeSettings() throws {
        try TreeBuilder(world.root + "/etc").file(
            "coldchain.toml",
            text: """
                staging = "\(world.staging)"
                state = "\(world.state)"
                [vault.cold]
                url = "s3://\(bucket)/v"
                endpoint = "\(proxy.url)"
                uploads = \(Self.uploads)

                """)
    }

    /// `ship logs --run DATE`, with something that happens to it.
    func ship(_ injection: Injection? = nil, through wrapper: [String] = []) async throws -> RunResult {
        var environment = environment
        if let injection { environment.merge(injection.environment(try await FaultLibrary.shared.path())) { $1 } }
        return try await TestSupport.run(
            wrapper + [Program.ship.path, "logs", "--run", Pipeline.run], environment: environment)
    }

    @discardableResult
    func curl(_ arguments: [String]) async throws -> String {
        let result = try await TestSupport.run(
            [
                "curl", "-fsS", "--noproxy", "*", "--cacert", server.certificate, "--aws-sigv4", "aws:amz:us-east-1:s3",
                "--user",
                "\(server.accessKey):\(server.secretKey)",
            ] + arguments)
        guard result.status == 0 else { throw Fault(.io, "curl \(arguments): \(result)") }
        return result.output
    }

    /// What is wrong in the bucket, or with what was sent, once all is shipped.
    func problems() async throws -> [String] {
        var problems: [String] = []
        let uploads = try await curl(["\(server.tls)/\(bucket)?uploads="])
        if uploads.contains("<UploadId>") { problems.append("open uploads: \(uploads)") }
        let keys = try await curl(["\(server.tls)/\(bucket)?list-type=2"])
        for suffix in [".tar.gz", ".index.tsv.gz", ".sha256"] where keys.firstRange(of: "web1\(suffix)</Key>") == nil {
            problems.append("no web1\(suffix) in \(keys)")
        }
        if keys.contains("web1.g2") || keys.contains("web1.2") { problems.append("another generation: \(keys)") }
        let file = world.root + "/object"
        try await curl(["-o", file, "\(server.tls)/\(bucket)/\(Self.key)"])
        let same = try await TestSupport.run(["cmp", file, world.runDirectory() + "/pack/all/web1.tar.gz"])
        if same.status != 0 { problems.append("\(same)") }
        let tags = try await curl(["\(server.tls)/\(bucket)/\(Self.key)?tagging="])
        if !tags.contains("coldchain-job") { problems.append("no tags: \(tags)") }
        return problems
    }
}
