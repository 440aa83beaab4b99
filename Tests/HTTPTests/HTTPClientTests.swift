import HTTP
import Logging
import Platform
import TestSupport
import Testing

struct HTTPClientTests {
    private func client(log: Logger? = nil) -> HTTPClient {
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.usesProxies = false
        settings.maximumBody = 1_000
        return HTTPClient(settings, log: log)
    }

    private func request(_ server: LoopbackServer, _ method: HTTPRequest.Method = .get, _ path: String = "/")
        -> HTTPRequest
    {
        HTTPRequest(method, scheme: .http, host: "127.0.0.1", port: server.port, path: path)
    }

    @Test(.timeLimit(.minutes(10)))
    func `a request arrives as it is, and its answer comes back`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, _ in .status(201, "hello", headers: ["X-One": " a b "]) }
            var request = request(server, .post, "/a/../b%2F")
            request.query = [.init("q r", "a+b"), .init("empty")]
            request.headers.append("X-Custom", "v")
            request.body = .bytes(Array("body".utf8))
            let response = try client().send(request)
            #expect(response.status == 201)
            #expect(response.isSuccess)
            #expect(response.headers["x-one"] == "a b")
            #expect(String(decoding: response.body, as: UTF8.self) == "hello")
            let seen = try #require(server.requests.first)
            #expect(seen.method == "POST")
            #expect(seen.path == "/a/../b%2F?q%20r=a%2Bb&empty=")
            #expect(seen.body == "body")
            #expect(seen.headers["x-custom"] == "v")
            #expect(seen.headers["user-agent"] == "coldchain-tests")
            #expect(seen.headers["expect"] == nil)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a slice is sent without being held, and a source that ends early ends the request`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, _ in .status(200) }
            var request = request(server, .put)
            request.body = .slice(BytesSource(Array("0123456789".utf8), name: "digits"), 3..<7)
            _ = try client().send(request)
            #expect(server.requests.first?.body == "3456")
            request.body = .slice(BytesSource(Array("0123".utf8), name: "digits"), 3..<7)
            try expectFault(.changed, "digits: ends at 4 of 7 bytes") { try client().send(request) }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a sink gets the body of a success alone, and may end it`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { request, _ in
                request.path == "/good" ? .status(200, "0123456789") : .status(404, "no")
            }
            let sink = BytesSink(most: 16)
            let response = try client().send(request(server, .get, "/good"), into: sink)
            #expect(response.body.isEmpty)
            #expect(sink.bytes == Array("0123456789".utf8))
            let refused = BytesSink(most: 16)
            #expect(String(decoding: try client().send(request(server), into: refused).body, as: UTF8.self) == "no")
            #expect(refused.bytes.isEmpty)
            let small = BytesSink(most: 4)
            try expectFault(.limit, "more than 4 bytes") {
                try client().send(request(server, .get, "/good"), into: small)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a server that is not there, drops or says too much is a fault`() async throws {
        try await onOwnThread {
            let dropping = try LoopbackServer { _, _ in .drop }
            let fault = try expectFault(.unreachable, "127.0.0.1:\(dropping.port): ") {
                try client().send(request(dropping))
            }
            #expect(fault.retry == .temporary)
            let short = try LoopbackServer { _, _ in .raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123") }
            try expectFault(.unreachable) { try client().send(request(short)) }
            let long = try LoopbackServer { _, _ in .status(200, String(repeating: "x", count: 2_000)) }
            try expectFault(.limit, "more than 1000 bytes") { try client().send(request(long)) }
            var gone = HTTPRequest(.get, scheme: .http, host: "127.0.0.1", port: 1)
            #expect(try expectFault(.unreachable) { try client().send(gone) }.retry == .temporary)
            gone.host = "no such host"
            try expectFault(.settings) { try client().send(gone) }
        }
    }

    @Test(.timeLimit(.minutes(10)), .enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    func `a certificate that nobody trusts is refused, and not tried again`() async throws {
        try await onOwnThread {
            let server = try RGWServer.shared()
            let port = try #require(server.tls.split(separator: ":").last.flatMap { Int($0) })
            let request = HTTPRequest(.get, scheme: .https, host: "127.0.0.1", port: port)
            let fault = try expectFault(.unreachable, "certificate") { try client().send(request) }
            #expect(fault.retry == .permanent)
            #expect(fault.hint?.contains("ca_file") == true)
            var settings = HTTPSettings(userAgent: "coldchain-tests")
            settings.certificates = server.certificate
            #expect(try HTTPClient(settings).send(request).status == 200)
        }
    }

    @Test(
        .timeLimit(.minutes(10)), .needsMountNamespaces,
        .enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    func `certificates of the settings are trusted instead of the system's, not besides them`() async throws {
        let server = try RGWServer.shared()
        let port = try #require(server.tls.split(separator: ":").last.flatMap { Int($0) })
        let directory = try TemporaryDirectory()
        // Of nobody who is asked here.
        _ = try await run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nobody", "-days", "2",
            "-keyout", "\(directory.path)/key", "-out", "\(directory.path)/nobody.pem",
        ])
        let tree = try TreeBuilder(directory.path)
        try tree.directory("system")
        try tree.directory("none")
        _ = try await run(["cp", server.certificate, "\(directory.path)/system/ca-certificates.crt"])
        _ = try await run(["cp", server.certificate, "\(directory.path)/system/server.pem"])
        _ = try await run(["openssl", "rehash", "\(directory.path)/system"])
        try await onOwnThread {
            try PrivateMounts.enter()
            try PrivateMounts.bind("\(directory.path)/system", "/etc/ssl/certs")
            let request = HTTPRequest(.get, scheme: .https, host: "127.0.0.1", port: port)
            var settings = HTTPSettings(userAgent: "coldchain-tests")
            settings.usesProxies = false
            #expect(try HTTPClient(settings).send(request).status == 200)
            for own in ["nobody.pem", "none"] {
                settings.certificates = "\(directory.path)/\(own)"
                let client = HTTPClient(settings)
                try expectFault(.unreachable, "certificate") { try client.send(request) }
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `the source of connections is an address of this machine`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, _ in .status(200) }
            var settings = HTTPSettings(userAgent: "coldchain-tests")
            settings.usesProxies = false
            settings.bind = "127.0.0.1"
            #expect(try HTTPClient(settings).send(request(server)).status == 200)
            settings.bind = "192.0.2.1"
            let client = HTTPClient(settings)
            let fault = try expectFault(.unreachable) { try client.send(request(server)) }
            #expect(fault.hint?.contains("bind") == true)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a query that is an address's own arrives as it is, and stands in no log`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, _ in .status(200) }
            let lines = Lines()
            var log = Logger(label: "t") { _ in lines }
            log.logLevel = .debug
            let request = try #require(HTTPRequest(.get, url: "\(server.url)/hook?key=hush+%FF&flag#here"))
            _ = try client(log: log).send(request)
            #expect(server.requests.map(\.path) == ["/hook?key=hush+%FF&flag"])
            #expect(lines.text.contains("/hook?") && !lines.text.contains("hush"))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `the log has no secrets`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, _ in .status(200) }
            let lines = Lines()
            var request = request(server)
            request.headers = HTTPHeaders([
                ("Authorization", "hush-1"), ("X-Amz-Security-Token", "hush-2"), ("x-amz-storage-class", "GLACIER"),
            ])
            request.query = [.init("X-Amz-Signature", "hush-3"), .init("list-type", "2")]
            var log = Logger(label: "t") { _ in lines }
            _ = try client(log: log).send(request)
            #expect(lines.text.isEmpty)
            log.logLevel = .debug
            _ = try client(log: log).send(request)
            #expect(lines.text.contains("GLACIER"))
            #expect(lines.text.contains("list-type=2"))
            #expect(lines.text.contains("-> 200"))
            #expect(!lines.text.contains("hush"))
        }
    }
}

/// Takes a body up to a limit.
private final class BytesSink: HTTPSink {
    private let most: Int
    private(set) var bytes: [UInt8] = []

    init(most: Int) { self.most = most }

    func begin(_ head: HTTPResponse) throws(Fault) {}

    func receive(_ more: UnsafeRawBufferPointer) throws(Fault) {
        guard bytes.count + more.count <= most else { throw Fault(.limit, "more than \(most) bytes") }
        bytes.append(contentsOf: more)
    }
}

/// Keeps what is logged.
private struct Lines: LogHandler {
    private let kept = Monitor<[String]>([])
    var text: String { kept.with { $0.joined(separator: "\n") } }
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { kept.with { $0.append("\(event.message)") } }
}
