import Platform
import TestSupport
import Testing

@testable import AWS

/// What STS may answer besides credentials.
@Suite(.timeLimit(.minutes(10)))
struct SecurityTokenServiceTests {
    private static let settings = CredentialSettings(roleARN: "arn:aws:iam::1:role/x")

    private func find(_ server: LoopbackServer) async throws -> Credentials {
        try await CredentialBench().find(
            Self.settings,
            [
                "AWS_ENDPOINT_URL_STS": server.url, "AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "HUSH",
                "AWS_SESSION_TOKEN": "HUSH",
            ])
    }

    private static let success = LoopbackServer.Answer.status(200, CredentialBench.answer("AssumeRole", key: "ROLE"))

    @Test(
        "What passes is tried again",
        arguments: [
            LoopbackServer.Answer.status(503, "busy"), .status(500, CredentialBench.error("InternalFailure")),
            .status(400, CredentialBench.error("Throttling")), .status(429), .drop, .raw("nonsense\r\n\r\n"),
            .raw("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<Assume"),
            .status(400, CredentialBench.error("IDPCommunicationError")),
        ])
    func temporary(answer: LoopbackServer.Answer) async throws {
        let server = try LoopbackServer { _, number in number < 3 ? answer : Self.success }
        #expect(try await find(server).accessKey == "ROLE")
        #expect(server.requests.count == 3)
    }

    @Test("A clock that is wrong is allowed for once, by the date of the answer")
    func clock() async throws {
        // The bench's clock says 03:04:05.
        let refusal = LoopbackServer.Answer.status(
            403, CredentialBench.error("SignatureDoesNotMatch", "Signature expired: 20261120T030405Z is now earlier"),
            headers: ["Date": "Fri, 20 Nov 2026 05:00:00 GMT"])
        let server = try LoopbackServer { _, number in number == 1 ? refusal : Self.success }
        #expect(try await find(server).accessKey == "ROLE")
        #expect(server.requests.map { $0.headers["x-amz-date"] } == ["20261120T030405Z", "20261120T050000Z"])

        let stubborn = try LoopbackServer { _, _ in refusal }
        let thrown = await fault(of: { try await find(stubborn) })
        #expect(thrown?.code == .permission && thrown?.hint?.contains("clock") == true)
        #expect(stubborn.requests.count == 2)
    }

    @Test(
        "What doesn't pass is told in the service's words, without a secret",
        arguments: [
            (
                LoopbackServer.Answer.status(403, CredentialBench.error("AccessDenied", "not you")),
                "AccessDenied: not you"
            ),
            (.status(400, CredentialBench.error("ValidationError")), "ValidationError"),
            (.status(403, CredentialBench.error("InvalidClientTokenId")), "InvalidClientTokenId"),
            (.status(404, "no page"), "status 404"),
            (.status(200, "<AssumeRoleResponse/>"), "the answer has no credentials"),
            (.status(200, "no xml"), "the answer is no XML"),
            (.status(200, CredentialBench.answer("AssumeRole", key: "")), "the answer has no credentials"),
            (
                .status(200, CredentialBench.answer("AssumeRole", key: "a", expires: "soon")),
                "the answer has no credentials"
            ),
        ])
    func permanent(answer: LoopbackServer.Answer, words: String) async throws {
        let server = try LoopbackServer { _, _ in answer }
        let thrown = await fault(of: { try await find(server) })
        let fault = try #require(thrown)
        #expect(fault.description.contains(words), "\(fault)")
        #expect(fault.description.contains("AssumeRole arn:aws:iam::1:role/x at \(server.url)"), "\(fault)")
        #expect(!fault.description.contains("HUSH"))
        #expect(server.requests.count == 1)
    }
}
