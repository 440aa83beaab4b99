import Platform
import TestSupport
import Testing

struct ByteStringTests {
    @Test func `the order is that of the bytes`() {
        var random = SplitMix64(seed: 1)
        // Few letters and short strings, so that prefixes and equal strings come up.
        let letters: [UInt8] = [0x00, 0x2D, 0x2F, 0x61, 0x7F, 0x80, 0xFF]
        let strings = (0..<300).map { _ -> ByteString in
            let count = Int.random(in: 0...4, using: &random)
            return ByteString((0..<count).map { _ in letters.randomElement(using: &random) ?? 0 })
        }
        for left in strings {
            for right in strings where (left < right) != left.bytes.lexicographicallyPrecedes(right.bytes) {
                Issue.record("\(left.bytes) and \(right.bytes) are in the wrong order")
            }
        }
    }

    @Test(
        arguments: [
            ([], ""),
            (Array("plain-name.log".utf8), "plain-name.log"),
            (Array("grün €😀".utf8), "grün €😀"),
            (Array("a\nb\u{1B}[2J".utf8), "a\\x0Ab\\x1B[2J"),
            ([0x61, 0x7F], "a\\x7F"),
            ([0xFF, 0xFE], "\\xFF\\xFE"),
            ([0x61, 0xC3], "a\\xC3"),
            ([0xE2, 0x82, 0x41], "\\xE2\\x82A"),
            ([0xC0, 0xAF], "\\xC0\\xAF"),
            ([0xED, 0xA0, 0x80], "\\xED\\xA0\\x80"),
            ([0xF4, 0x90, 0x80, 0x80], "\\xF4\\x90\\x80\\x80"),
            ([0xC2, 0x9B, 0x41], "\\xC2\\x9BA"),
            ([0xC2, 0xA0], "\u{A0}"),
            ([0xC3, 0xBC, 0xFF, 0xC3, 0xBC], "ü\\xFFü"),
        ] as [([UInt8], String)])
    func `people see valid text and never a control character`(bytes: [UInt8], text: String) {
        #expect(ByteString(bytes: bytes).description == text)
    }

    @Test func `a C string has all bytes and a NUL and comes back`() {
        let all = ByteString(bytes: Array(1...255))
        all.withCString { pointer in
            #expect(pointer[255] == 0)
            #expect(ByteString(cString: pointer) == all)
        }
        ByteString().withCString { #expect($0[0] == 0) }
    }

    @Test(
        arguments: [
            ("a/b", ["a", "b"]), ("/a//b/", ["a", "b"]), ("", []), ("/", []), ("./..", [".", ".."]),
        ] as [(ByteString, [ByteString])])
    func `components leave out empty parts`(path: ByteString, parts: [ByteString]) {
        #expect(path.components == parts)
    }

    @Test func `prefix, suffix and joining go by bytes`() {
        let path: ByteString = "logs/a"
        #expect(path.hasPrefix("logs/") && path.hasPrefix("") && !path.hasPrefix("logs/a/"))
        #expect(path.hasSuffix(0x61) && !path.hasSuffix(0x2F) && !ByteString().hasSuffix(0))
        #expect("logs/" + ByteString(bytes: [0xFF]) == ByteString(bytes: Array("logs/".utf8) + [0xFF]))
    }
}
