import HTTP
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct SMTPClientTests {
    private static let message = Array("Subject: x\r\n\r\nbody\r\n".utf8)

    private func send(_ client: SMTPClient) throws {
        _ = try client.send(Self.message, from: "a@example.net", to: ["b@example.net", "c@example.net"])
    }

    @Test("A mail goes to a server without TLS, unless TLS is required")
    func plain() async throws {
        try await onOwnThread {
            let server = try MailServer()
            try send(SMTPClient(server: "smtp://127.0.0.1:\(server.port)"))
            #expect(server.lines.contains("MAIL FROM:<a@example.net>"))
            #expect(server.lines.contains("RCPT TO:<c@example.net>"))
            #expect(server.lines.contains("body"))
            let other = try MailServer()
            try expectFault(.unreachable, "smtp://127.0.0.1:\(other.port): ") {
                try send(SMTPClient(server: "smtp://127.0.0.1:\(other.port)", encryption: .required))
            }
            #expect(!other.lines.contains { $0.hasPrefix("MAIL") })
        }
    }

    @Test("A server that doesn't offer TLS gets no password, unless it may go in clear")
    func password() async throws {
        try await onOwnThread {
            let server = try MailServer(offers: ["AUTH PLAIN"])
            let address = "smtp://127.0.0.1:\(server.port)"
            try expectFault(.unreachable) { try send(SMTPClient(server: address, user: "u", password: "HUSH")) }
            #expect(!server.lines.isEmpty && !server.lines.contains { $0.hasPrefix("AUTH") }, "\(server.lines)")
            // What stands on a line of its own is user and password in Base64 (RFC 4616).
            let open = try MailServer(
                offers: ["AUTH PLAIN"], answers: ["AUTH PLAIN": "334 ", "AHUASFVTSA==": "235 welcome"])
            try send(
                SMTPClient(
                    server: "smtp://127.0.0.1:\(open.port)", encryption: .never, user: "u", password: "HUSH"))
            #expect(open.lines.contains("AHUASFVTSA=="))
        }
    }

    @Test("5xx is the server's last word, 4xx is not", arguments: [(550, Fault.Retry.permanent), (451, .temporary)])
    func refused(status: Int, retry: Fault.Retry) async throws {
        try await onOwnThread {
            let server = try MailServer(answers: ["RCPT": "\(status) no"])
            let fault = try expectFault(.unreachable) {
                try send(SMTPClient(server: "smtp://127.0.0.1:\(server.port)"))
            }
            #expect(fault.retry == retry)
        }
    }

    @Test("An address that is refused keeps no other from its mail, and is told")
    func oneRefused() async throws {
        try await onOwnThread {
            let server = try MailServer(answers: ["RCPT TO:<b@": "550 no such user"])
            let client = SMTPClient(server: "smtp://127.0.0.1:\(server.port)")
            let refused = try client.send(Self.message, from: "a@example.net", to: ["b@example.net", "c@example.net"])
            #expect(refused.map(\.recipient) == ["b@example.net"] && refused[0].fault.message.contains("550"))
            #expect(server.lines.count { $0 == "body" } == 1)
        }
    }

    @Test(
        "A certificate that nobody trusts is told with what to do, and not tried again",
        .enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    func certificate() async throws {
        try await onOwnThread {
            // Its certificate comes before anybody learns that it speaks no SMTP.
            let server = try RGWServer.shared()
            let address = server.tls.replacing("https://", with: "smtps://")
            let fault = try expectFault(.unreachable, "certificate") { try send(SMTPClient(server: address)) }
            #expect(fault.retry == .permanent && fault.hint?.contains("ca_file") == true)
        }
    }
}
