import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Testing

/// What the client puts right by itself, and what it doesn't, against a server that answers as AWS would.
struct S3ClientRepairTests {
    /// Gives other credentials once the first are refused.
    struct Renewable: CredentialSource {
        let number = Monitor(1)
        func credentials() throws(Fault) -> Credentials {
            Credentials(
                accessKey: "AKID\(number.with { $0 })", secretKey: Secret("s"), sessionToken: Secret("t"))
        }
        func discard(_ refused: Credentials) { number.with { $0 += 1 } }
    }

    /// A client whose waits between attempts cost no time.
    func client(_ server: LoopbackServer, now: Int64 = 1_800_000_000, time: TestPace = TestPace()) throws
        -> S3Client
    {
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.usesProxies = false
        return S3Client(
            bucket: "b", endpoint: try S3Endpoint(url: "http://127.0.0.1:\(server.port)", region: "us-east-1"),
            http: HTTPClient(settings), credentials: Renewable(),
            pace: AdaptivePace(most: 4, backoff: Backoff(base: 1, cap: 8, deadline: 20), time: time.pace),
            clock: Clock { Timestamp(seconds: now) })
    }

    static func error(_ status: Int, _ code: String, _ more: String = "", headers: [String: String] = [:])
        -> LoopbackServer.Answer
    {
        .status(status, "<Error><Code>\(code)</Code>\(more)</Error>", headers: headers)
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            LoopbackServer.Answer.drop, .status(500), .status(502, "<html>"), error(503, "SlowDown"),
            error(400, "RequestTimeout"), error(500, "InternalError"),
        ])
    func `what fails for a moment is tried again`(_ answer: LoopbackServer.Answer) async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, number in number < 3 ? answer : .status(200, "<R/>") }
            _ = try client(server).perform(S3Call(.get, "k"))
            #expect(server.requests.count > 1)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `what fails for good is not, and attempts end`() async throws {
        try await onOwnThread {
            let denying = try LoopbackServer { _, _ in Self.error(403, "AccessDenied") }
            try expectFault(.permission, "s3://b/k: AccessDenied") {
                try client(denying).perform(S3Call(.get, "k"))
            }
            #expect(denying.requests.count == 1)
            let slow = try LoopbackServer { _, _ in Self.error(503, "SlowDown") }
            let time = TestPace()
            let throttled = try client(slow, time: time)
            let fault = try expectFault(.unreachable, "SlowDown") { try throttled.perform(S3Call(.get, "k")) }
            #expect(fault.retry == .throttle)
            // Pauses of 0.5, 1, 2 and 4 seconds and more, with the gaps that a window of one asks for, until 20 are over.
            #expect((6...8).contains(slow.requests.count))
            #expect(time.now <= 20)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a skewed clock is set right once`() async throws {
        try await onOwnThread {
            // 2027-01-15T08:00:00Z here; an hour later there.
            let headers = ["Date": "Fri, 15 Jan 2027 09:00:00 GMT"]
            let server = try LoopbackServer { request, _ in
                request.headers["x-amz-date"] == "20270115T090000Z"
                    ? .status(200, "<R/>") : Self.error(403, "RequestTimeTooSkewed", headers: headers)
            }
            let client = try client(server)
            #expect(client.serviceTime.seconds == 1_800_000_000)
            _ = try client.perform(S3Call(.get, "k"))
            _ = try client.perform(S3Call(.get, "k"))
            #expect(server.requests.count == 3)
            #expect(client.serviceTime.seconds == 1_800_003_600)
            let stubborn = try LoopbackServer { _, _ in Self.error(403, "RequestTimeTooSkewed", headers: headers) }
            try expectFault(.permission, "RequestTimeTooSkewed") {
                try self.client(stubborn).perform(S3Call(.get, "k"))
            }
            #expect(stubborn.requests.count == 2)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [(400, "ExpiredToken"), (403, "InvalidAccessKeyId")])
    func `credentials that are not accepted any more are renewed once`(_ status: Int, _ code: String) async throws {
        try await onOwnThread {
            let server = try LoopbackServer { request, _ in
                request.headers["authorization"]?.contains("AKID2") == true
                    ? .status(200, "<R/>") : Self.error(status, code)
            }
            _ = try client(server).perform(S3Call(.get, "k"))
            #expect(server.requests.count == 2)
            let stubborn = try LoopbackServer { _, _ in Self.error(status, code) }
            try expectFault(.permission, code) { try client(stubborn).perform(S3Call(.get, "k")) }
            #expect(stubborn.requests.count == 2)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a bucket in another region is followed once`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { request, _ in
                request.headers["authorization"]?.contains("/eu-west-3/s3/") == true
                    ? .status(200, "<R/>")
                    : Self.error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>")
            }
            let client = try client(server)
            _ = try client.perform(S3Call(.get, "k"))
            #expect(client.endpoint.region == "eu-west-3")
            #expect(server.requests.count == 2)
            // A region that is part of no host's name is not believed.
            let evil = try LoopbackServer { _, _ in
                Self.error(301, "PermanentRedirect", "<Region>evil.example/</Region>")
            }
            try expectFault(.io, "PermanentRedirect") { try self.client(evil).perform(S3Call(.get, "k")) }
            #expect(evil.requests.count == 1)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a success with an error in its body is an error`() async throws {
        try await onOwnThread {
            let done = "<CompleteMultipartUploadResult><ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>"
            let server = try LoopbackServer { request, number in
                guard request.method == "POST" else { return .status(404) }
                return request.body.isEmpty || number < 2 ? Self.error(200, "InternalError") : .status(200, done)
            }
            let outcome = try client(server).completeUpload(
                "k", upload: "u", [.init(number: 1, etag: "e")], size: 1, sendsChecksums: false, isExclusive: true)
            #expect(try outcome.get().etag == "e-1")
            #expect(server.requests.count > 1)
            // Cut off in the middle, nobody knows what happened, so it is asked again.
            let cut = try LoopbackServer { _, number in
                number < 2 ? .status(200, "<CompleteMultipartUp") : .status(200, done)
            }
            let again = try client(cut).completeUpload(
                "k", upload: "u", [.init(number: 1, etag: "e")], size: 1, sendsChecksums: false, isExclusive: true)
            #expect(try again.get().etag == "e-1")
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a cut download goes on where it ended, and only with the same object`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { request, _ in
                switch request.headers["range"] {
                case "bytes=0-9":
                    .raw(
                        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/20\r\nContent-Length: 10\r\n"
                            + "ETag: \"one\"\r\n\r\n0123")
                case "bytes=4-9" where request.headers["if-match"] == "\"one\"":
                    .status(206, "456789", headers: ["Content-Range": "bytes 4-9/20", "ETag": "\"one\""])
                default: .status(412)
                }
            }
            var bytes: [UInt8] = []
            try client(server).get("k", 0..<10) { bytes.append(contentsOf: $0) }
            #expect(String(decoding: bytes, as: UTF8.self) == "0123456789")
            let other = try LoopbackServer { _, _ in
                .status(206, "0123", headers: ["Content-Range": "bytes 5-8/20"])
            }
            try expectFault(.damaged, "another range") { try client(other).get("k", 0..<4) { _ in } }
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [("two", 20), ("one", 21)])
    func `a download does not go on with another object, though the server doesn't know If-Match`(
        _ etag: String, _ size: Int
    ) async throws {
        try await onOwnThread {
            let server = try LoopbackServer { request, _ in
                request.headers["range"] == "bytes=0-9"
                    ? .raw(
                        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/20\r\nContent-Length: 10\r\n"
                            + "ETag: \"one\"\r\n\r\n0123")
                    : .status(206, "456789", headers: ["Content-Range": "bytes 4-9/\(size)", "ETag": "\"\(etag)\""])
            }
            try expectFault(.changed, "has been replaced") { try client(server).get("k", 0..<10) { _ in } }
            #expect(server.requests.count == 2)
            // Nor does it begin with another one than the one that is wanted.
            try expectFault(.changed, "has been replaced") {
                try client(server).get("k", 4..<10, etag: "three") { _ in }
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `what the service asks to wait is a number of seconds with an end`() async throws {
        try await onOwnThread {
            for advice in ["inf", "nan", "-5", "soon"] {
                let server = try LoopbackServer { _, number in
                    number == 1 ? Self.error(503, "SlowDown", headers: ["Retry-After": advice]) : .status(200)
                }
                let time = TestPace()
                _ = try client(server, time: time).perform(S3Call(.get, "k"))
                #expect(time.now < 2, "\(advice)")
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `only answers of the service let more requests be under way`() async throws {
        try await onOwnThread {
            let server = try LoopbackServer { _, number in
                number == 1 ? Self.error(503, "SlowDown") : .status(200, "0123")
            }
            var settings = HTTPSettings(userAgent: "coldchain-tests")
            settings.usesProxies = false
            let pace = AdaptivePace(most: 8, backoff: Backoff(), time: TestPace().pace)
            let client = S3Client(
                bucket: "b", endpoint: try S3Endpoint(url: server.url, region: "us-east-1"),
                http: HTTPClient(settings), credentials: Renewable(), pace: pace)
            _ = try client.perform(S3Call(.get, "k"))
            let window = pace.window
            #expect(window == 4)
            for _ in 0..<20 {
                // What takes the bytes fails here, and what gives them before anything is sent.
                try expectFault(.noSpace) {
                    try client.get("k", 0..<4) { _ throws(Fault) in throw Fault(.noSpace, "full") }
                }
                try expectFault(.io) {
                    _ = try client.attempt({ () throws(Fault) -> (S3Call, (any HTTPSink)?) in
                        throw Fault(.io, "not prepared")
                    })
                }
            }
            #expect(pace.window == window)
        }
    }
}
