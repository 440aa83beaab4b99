import Platform
import Testing

@testable import AWS

/// The small grammars of this room: words of a command, moments.
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
        "Fractions of a second, down to nanoseconds",
        arguments: [
            ("2026-11-20T03:04:05Z", 0), ("2026-11-20T03:04:05.5Z", 500_000_000),
            ("2026-11-20T03:04:05.123456789Z", 123_456_789), ("2026-11-20T03:04:05.0000000019+01:00", 1),
        ])
    func fractions(text: String, nanoseconds: UInt32) {
        #expect(Timestamp(iso8601: text)?.nanoseconds == nanoseconds)
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
}
