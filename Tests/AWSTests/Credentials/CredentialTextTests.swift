import Platform
import Testing

@testable import AWS

/// The small grammars of this room: words of a command, moments, addresses.
struct CredentialTextTests {
    @Test(
        "A command's words, with the shell's quotes and nothing else of it",
        arguments: [
            ("", []), ("  ", []), ("a", ["a"]), (" a  b\tc ", ["a", "b", "c"]),
            (#""a b" 'c d'"#, ["a b", "c d"]), (#"a"b"'c'd"#, ["abcd"]), (#"a\ b"#, ["a b"]),
            (#"'a\b'"#, [#"a\b"#]), (#""a\b" "a\"b" "a\\b""#, [#"a\b"#, "a\"b", #"a\b"#]), (#""" ''"#, ["", ""]),
            ("$HOME `x` $(y) * ; | &", ["$HOME", "`x`", "$(y)", "*", ";", "|", "&"]),
        ] as [(String, [String])])
    func words(text: String, expected: [String]) {
        #expect(ShellWords.split(text) == expected)
    }

    @Test("A quote without an end is no command", arguments: ["'", "\"", "a 'b", #"a "b\""#, "a\\"])
    func unfinished(text: String) {
        #expect(ShellWords.split(text) == nil)
    }

    @Test(
        "Moments as services and processes write them",
        arguments: [
            ("2026-11-20T03:04:05Z", "2026-11-20T03:04:05Z"), ("2026-11-20T03:04:05.999Z", "2026-11-20T03:04:05Z"),
            ("2026-11-20T03:04:05+00:00", "2026-11-20T03:04:05Z"),
            ("2026-11-20T03:04:05+01:30", "2026-11-20T01:34:05Z"),
            ("2026-11-20T23:04:05.5-0200", "2026-11-21T01:04:05Z"), ("2026-11-20T03:04:05-01", "2026-11-20T04:04:05Z"),
        ])
    func moments(text: String, expected: String) {
        #expect(Timestamp(iso8601: text)?.rfc3339 == expected)
    }

    @Test(
        "What is no moment",
        arguments: [
            "", "2026-11-20", "2026-11-20T03:04:05", "2026-11-20T03:04:05.Z", "2026-11-31T03:04:05Z",
            "2026-11-20T03:04:05+1:00", "2026-11-20T03:04:05+25:00", "2026-11-20T03:04:05+01:60",
            "2026-11-20T03:04:05ZZ",
            "2026-11-20T03:04:05é00:00",
        ])
    func noMoments(text: String) {
        #expect(Timestamp(iso8601: text) == nil)
    }

    @Test(
        "Addresses of services",
        arguments: [
            ("http://169.254.170.2/v2/x?y=1", "http://169.254.170.2", "/v2/x?y=1", false),
            ("https://Example.org", "https://example.org", "/", false), ("http://x?y", "http://x", "/?y", false),
            ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080", "/a", true),
            ("http://127.9.9.9", "http://127.9.9.9", "/", true),
            ("http://[::1]:80/", "http://[::1]:80", "/", true),
            ("http://[fd00:ec2::23]/a", "http://[fd00:ec2::23]", "/a", false),
            ("http://localhost/a", "http://localhost", "/a", true),
            ("http://127.0.0.1.evil.org/", "http://127.0.0.1.evil.org", "/", false),
        ])
    func addresses(url: String, origin: String, path: String, isLoopback: Bool) throws {
        let address = try #require(ServiceAddress(url))
        #expect(address.origin == origin && address.path == path && address.isLoopback == isLoopback)
    }

    @Test(
        "What is no address",
        arguments: [
            "", "ftp://x/", "http://", "http:///a", "http://x:0/", "http://x:65536/", "http://x:/", "http://u@x/",
            "http://u:1@x/", "http://x/a b", "http://x/#y", "http://x/\n", "http://::1/", "http://[::1/", "127.0.0.1",
        ])
    func noAddresses(url: String) {
        #expect(ServiceAddress(url) == nil)
    }
}
