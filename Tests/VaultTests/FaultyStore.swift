import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Testing
import Vault

/// A new bucket of the tests' gateway, and a vault in it that is reached through a proxy where things go wrong.
struct FaultyStore {
    /// Without the proxy.
    let bucket: CephBucket
    let proxy: FaultProxy
    let client: S3Client
    let store: S3Store

    /// The size of a part: the smallest that S3 takes.
    static let partSize = 5 << 20
    /// Three parts, the last one short.
    static let bytes = content(2 * partSize + 12_345)
    static let expected = ExpectedContent(of: bytes, partSize: partSize)
    static let tags = ["coldchain-job": "siem"]

    /// - Parameters:
    ///   - pace: pauses of some hundredths of a second unless given.
    ///   - credentials: those of the gateway unless given.
    ///   - deadline: seconds after which a call is given up.
    ///   - silence: seconds that a transfer may be slower than 1000 bytes a second.
    ///   - ahead: seconds that the clock of the client is ahead.
    ///   - judge: what becomes of the requests.
    /// - Throws: what keeps the gateway or the proxy from starting.
    init(
        pace: (any RequestPace)? = nil, credentials: (any CredentialSource)? = nil, deadline: Double = 15,
        silence: Int = 20, ahead: Int64 = 0,
        _ judge: @escaping @Sendable (FaultProxy.Request) -> FaultProxy.Action = { _ in .pass }
    ) throws {
        let server = try RGWServer.shared()
        bucket = try CephBucket()
        let port = server.http.split(separator: ":").last.flatMap { Int($0) } ?? 0
        proxy = try FaultProxy(to: port, judge)
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.usesProxies = false
        (settings.lowSpeedLimit, settings.lowSpeedTime) = (1_000, silence)
        let fixed = FixedCredentials(Credentials(accessKey: server.accessKey, secretKey: Secret(server.secretKey)))
        let clock = Clock {
            var now = Clock.system.now()
            now.seconds += ahead
            return now
        }
        client = S3Client(
            bucket: bucket.client.bucket, endpoint: try S3Endpoint(url: proxy.url, region: "us-east-1"),
            http: HTTPClient(settings), credentials: credentials ?? fixed,
            pace: pace ?? AdaptivePace(most: 8, backoff: Backoff(base: 0.01, cap: 0.05, deadline: deadline)),
            clock: clock)
        var options = S3StoreOptions()
        options.uploads = 2
        options.sendsChecksums = false
        options.clock = clock
        store = S3Store(client, prefix: CephBucket.prefix, options)
    }

    static func key() throws -> ObjectKey { try ObjectKey("a/b.tar.gz") }

    @discardableResult
    func put(_ journal: (any PartsJournal)? = nil) throws -> PutReceipt {
        try store.put(
            BytesSource(Self.bytes, name: "b.tar.gz"), expecting: Self.expected, to: try Self.key(),
            PutOptions(tags: Self.tags, journal: journal))
    }

    /// What is in the bucket besides the right object, once; nothing when that is all.
    func problems() throws -> [String] {
        var problems = try remains()
        let direct = bucket.store()
        if try direct.keys() != [Self.key().description] { problems.append("keys \(try direct.keys())") }
        if try direct.read("a/b.tar.gz") != Self.bytes { problems.append("other bytes") }
        if try bucket.client.tags(bucket.key(try Self.key())) != Self.tags { problems.append("other tags") }
        return problems
    }

    /// The uploads that were begun and are not over.
    func remains() throws -> [String] {
        var uploads: [String] = []
        try bucket.client.uploads(prefix: "") { uploads.append("upload of \($0.key)") }
        return uploads
    }
}

/// One thing that goes wrong at some requests.
struct StoreFault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let judge: @Sendable (FaultProxy.Request) -> FaultProxy.Action
    /// Seconds that a transfer may be slow.
    var silence = 20

    init(_ name: String, _ judge: @escaping @Sendable (FaultProxy.Request) -> FaultProxy.Action) {
        testDescription = name
        self.judge = judge
    }

    /// One that befalls the first request of an operation.
    init(
        _ name: String, first operation: FaultProxy.Operation, _ action: FaultProxy.Action, silence: Int = 20
    ) {
        self.init("\(operation): \(name)") { $0.operation == operation && $0.turn == 1 ? action : .pass }
        self.silence = silence
    }
}
