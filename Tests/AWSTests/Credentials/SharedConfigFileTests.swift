import TestSupport
import Testing

@testable import AWS

struct SharedConfigFileTests {
    @Test(
        "Sections, keys, comments, nested keys and values that go on",
        arguments: [
            ("", [:]),
            ("[default]\nregion = eu-central-1", ["default": ["region": "eu-central-1"]]),
            ("[default]\r\nregion=eu-central-1\r\n\r\n", ["default": ["region": "eu-central-1"]]),
            ("[ profile   a b ] ; note\nREGION =  x  ", ["profile a b": ["region": "x"]]),
            ("# one\n; two\n[a]\n# three\nk = v # four\nl = v#five ; six", ["a": ["k": "v", "l": "v#five"]]),
            ("[a]\nk =\nl = 1", ["a": ["k": "", "l": "1"]]),
            ("[a]\nk = # nothing", ["a": ["k": ""]]),
            ("[a]\nk = a = b", ["a": ["k": "a = b"]]),
            (
                "[a]\ns3 =\n  max = 1\n\tmin=2\nregion = x",
                ["a": ["s3": "", "s3.max": "1", "s3.min": "2", "region": "x"]]
            ),
            ("[a]\nk = one\n  two\n  three = 3", ["a": ["k": "one\ntwo\nthree = 3"]]),
            ("[a]\nk = 1\n[b]\nk = 2\n[a]\nk = 3\nl = 4", ["a": ["k": "3", "l": "4"], "b": ["k": "2"]]),
            ("[a]", ["a": [:]]),
            ("k = 0\n[a]\nk = 1", ["a": ["k": "1"]]),
            ("[a]\nk = 1\n[broken\nk = 2\n[b]\nk = 3", ["a": ["k": "1"], "b": ["k": "3"]]),
            ("[a] b\nk = 1", [:]),
            ("[]\nk = 1", [:]),
            ("[a]\nno pair\n= v\nk = 1", ["a": ["k": "1"]]),
            ("[a]\nk = \"quoted\"", ["a": ["k": "\"quoted\""]]),
        ] as [(String, [String: [String: String]])])
    func sections(text: String, expected: [String: [String: String]]) {
        #expect(SharedConfigFile(text).sections == expected)
    }

    @Test("Any bytes are read, and mean the same with other ends of lines and with comments between", arguments: 0..<50)
    func anything(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let pieces = [
            "[", "]", "=", " ", "\n", "\r", "#", ";", "a", "profile ", "\t", "\u{0}", "é", "[a]\n", "k = v\n",
        ]
        let text = (0..<200).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        let sections = SharedConfigFile(text).sections
        #expect(SharedConfigFile(lines.joined(separator: "\r\n")).sections == sections, "\(text)")
        #expect(SharedConfigFile(lines.joined(separator: "\n# [x]\n")).sections == sections, "\(text)")
    }
}
