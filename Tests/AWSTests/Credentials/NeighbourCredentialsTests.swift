import Platform
import TestSupport
import Testing

@testable import AWS

/// Containers and instances: services in a machine's neighbourhood.
@Suite(.timeLimit(.minutes(10)))
struct NeighbourCredentialsTests {
    private static let expires = "2026-11-20T09:00:00Z"

    // MARK: Container

    @Test("A container's endpoint with the token of its file, which goes over the other and is read each time")
    func container() async throws {
        let bench = try CredentialBench()
        let server = try LoopbackServer { request, _ in
            switch request.headers["authorization"] {
            case "from file", "from variable": .status(200, CredentialBench.json(key: "TASK"))
            default: .status(401, "HUSH")
            }
        }
        let file = try bench.file("token", "from file\n")
        var variables = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/v1/credentials?id=1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong",
        ]
        let found = try await bench.find(CredentialSettings(), variables)
        #expect(found == CredentialBench.expected("TASK", expires: Self.expires))
        #expect(server.requests.map(\.path) == ["/v1/credentials?id=1"])

        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = nil
        let refused = await fault(of: { try await bench.find(CredentialSettings(), variables) })
        #expect(refused?.code == .permission && refused?.message.contains("answers with status 401") == true)
        #expect(refused?.description.contains("HUSH") == false && refused?.description.contains("wrong") == false)
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "from variable"
        #expect(try await bench.find(CredentialSettings(), variables).accessKey == "TASK")
    }

    @Test(
        "Endpoints that no token is sent to, and tokens that are none",
        arguments: [
            (["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.org/"], "the host example.org is not allowed"),
            (["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.3/"], "is not allowed without TLS"),
            (["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1.example.org/"], "is not allowed without TLS"),
            (["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1@example.org/"], "is no http or https URL"),
            (["AWS_CONTAINER_CREDENTIALS_FULL_URI": "file:///etc/passwd"], "is no http or https URL"),
            (["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "@example.org/"], "is no path of a URL"),
            (
                [
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "HUSH\r\nX: y",
                ], "has more than one line"
            ),
            (
                [
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere/token",
                ], "/nowhere/token"
            ),
        ])
    func refused(variables: [String: String], words: String) async throws {
        let bench = try CredentialBench()
        let thrown = await fault(of: { try await bench.find(CredentialSettings(), variables) })
        let fault = try #require(thrown)
        #expect(fault.message.contains("AWS credentials from container: ") && fault.message.contains(words), "\(fault)")
        #expect(!fault.description.contains("HUSH"))
    }

    @Test(
        "A container's endpoint in trouble is asked again, one that answers nonsense is not",
        arguments: [
            (LoopbackServer.Answer.status(503), 2, true), (.drop, 2, true), (.status(429), 2, true),
            (.late(3, .status(200, CredentialBench.json(key: "LATE"))), 2, true), (.status(404), 1, false),
            (.status(200, "HUSH"), 1, false), (.status(200, "{\"AccessKeyId\": \"HUSH\"}"), 1, false),
            (.status(200, String(repeating: "HUSH", count: 100_000)), 1, false),
        ])
    func trouble(answer: LoopbackServer.Answer, requests: Int, succeeds: Bool) async throws {
        let bench = try CredentialBench()
        let server = try LoopbackServer { _, number in
            number == 1 ? answer : .status(200, CredentialBench.json(key: "TASK"))
        }
        let variables = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url]
        let found = Monitor<Credentials?>(nil)
        let thrown = await fault(of: {
            let credentials = try await bench.find(CredentialSettings(), variables)
            found.with { $0 = credentials }
        })
        #expect(found.with { $0?.accessKey } == (succeeds ? "TASK" : nil))
        #expect((thrown == nil) == succeeds)
        #expect(thrown?.description.contains("HUSH") ?? false == false)
        #expect(server.requests.count == requests)
    }

    // MARK: Instance

    private static let path = "/latest/meta-data/iam/security-credentials/"

    /// Metadata of version 2: nothing without a token, which is got by a PUT.
    private static func metadata(_ request: LoopbackServer.Request) -> LoopbackServer.Answer {
        if request.method == "PUT" && request.path == "/latest/api/token" {
            let hasTime = request.headers["x-aws-ec2-metadata-token-ttl-seconds"] != nil
            return hasTime ? .status(200, "HUSH-TOKEN") : .status(400)
        }
        guard request.headers["x-aws-ec2-metadata-token"] == "HUSH-TOKEN" else { return .status(401) }
        switch request.path {
        case path: return .status(200, "the-role\n")
        case path + "the-role": return .status(200, CredentialBench.json(key: "INSTANCE", code: "Success"))
        default: return .status(404)
        }
    }

    private func find(_ server: LoopbackServer, _ more: [String: String] = [:]) async throws -> Credentials {
        try await CredentialBench().find(
            CredentialSettings(), ["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url].merging(more) { $1 })
    }

    @Test("An instance's role, by a token")
    func instance() async throws {
        let server = try LoopbackServer { request, _ in Self.metadata(request) }
        #expect(try await find(server) == CredentialBench.expected("INSTANCE", expires: Self.expires))
        #expect(server.requests.map(\.path) == ["/latest/api/token", Self.path, Self.path + "the-role"])
    }

    @Test("Version 1 is never asked: without a token there is nothing")
    func noVersionOne() async throws {
        let server = try LoopbackServer { request, _ in
            request.method == "PUT" ? .status(403) : .status(200, CredentialBench.json(key: "V1"))
        }
        let thrown = await fault(of: { try await find(server) })
        #expect(thrown?.code == .permission && thrown?.hint?.contains("hop limit") == true)
        #expect(server.requests.map(\.method) == ["PUT"])
    }

    @Test(
        "Answers that are none",
        arguments: [
            ("token", LoopbackServer.Answer.status(200, ""), "gives a token that is none"),
            ("token", .status(200, "a\nb"), "gives a token that is none"),
            ("roles", .status(404), "the instance has no role"),
            ("roles", .status(200, " "), "the instance has no role"),
            ("roles", .status(200, "../x"), "names a role that it doesn't know"),
            ("roles", .status(401), "answers with status 401"),
            ("role", .status(404), "names a role that it doesn't know"),
            (
                "role", .status(200, #"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "not trusted"}"#),
                "AssumeRoleUnauthorizedAccess: not trusted"
            ),
            ("role", .status(200, #"{"Code": "Success"}"#), "has no AccessKeyId"),
        ])
    func nonsense(step: String, answer: LoopbackServer.Answer, words: String) async throws {
        let server = try LoopbackServer { request, _ in
            let at = request.method == "PUT" ? "token" : request.path == Self.path ? "roles" : "role"
            return at == step ? answer : Self.metadata(request)
        }
        let thrown = await fault(of: { try await find(server) })
        #expect(thrown?.description.contains(words) == true, "\(String(describing: thrown))")
        #expect(thrown?.description.contains("HUSH-TOKEN") == false)
    }

    @Test("Each request is tried again", arguments: ["token", "roles", "role"])
    func triedAgain(step: String) async throws {
        let failures = Counter()
        let server = try LoopbackServer { request, _ in
            let at = request.method == "PUT" ? "token" : request.path == Self.path ? "roles" : "role"
            guard at == step, failures.value == 0 else { return Self.metadata(request) }
            failures.add(1)
            return .status(500)
        }
        #expect(try await find(server).accessKey == "INSTANCE")
        #expect(server.requests.count == 4)
    }

    @Test("An instance whose service is in trouble is one, and may be asked later", arguments: [503, 500, 429])
    func inTrouble(status: Int) async throws {
        let server = try LoopbackServer { request, _ in
            request.method == "PUT" ? .status(status) : Self.metadata(request)
        }
        let thrown = await fault(of: { try await find(server) })
        #expect(thrown?.code == .unreachable && thrown?.retry != .permanent, "\(String(describing: thrown))")
        #expect(thrown?.message.contains("answers with status \(status)") == true, "\(String(describing: thrown))")
        #expect(server.requests.count > 1)
    }

    @Test("Where nobody answers in time there is no instance, and it is not waited for long")
    func silence() async throws {
        let server = try LoopbackServer { _, _ in .late(100, .drop) }
        var bench = try CredentialBench()
        bench.pace = .system
        let began = Clock.monotonic()
        let variables = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url]
        let thrown = await fault(of: { [bench] in try await bench.find(CredentialSettings(), variables) })
        // Two tries of two seconds, on a machine that is busy.
        #expect(Clock.monotonic() - began < 60)
        #expect(thrown?.message.contains("no AWS credentials found") == true, "\(String(describing: thrown))")
    }
}
