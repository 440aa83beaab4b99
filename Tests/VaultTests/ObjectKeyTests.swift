import Platform
import TestSupport
import Testing

@testable import Vault

struct ObjectKeyTests {
    @Test(arguments: [
        "a", "a/b", "siem/acme/2026/11/20/siem01.tar.gz", "_ledger/2026-11-20/x.manifest.1.tsv.gz", "a b/c+d",
        "a..b/c.", "Größe/日本", "a\\b", "~", "-rf", "%2F", String(repeating: "x", count: 255),
        Array(repeating: String(repeating: "x", count: 127), count: 8).joined(separator: "/"),
    ])
    func `a good key stays what it is`(_ text: String) throws {
        let key = try ObjectKey(text)
        #expect(key.description == text)
        #expect(key.components.map(\.description).joined(separator: "/") == text)
    }

    @Test(arguments: [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", ".coldchain-guard", "a/.b.partial", "a\0b", "a\nb",
        "a/\u{7F}", "\u{1B}[2J",
    ])
    func `a key that could lead astray is refused`(_ text: String) throws {
        try expectFault(.unsupported) { try ObjectKey(text) }
    }

    @Test func `long keys and names are refused`() throws {
        try expectFault(.limit) { try ObjectKey(String(repeating: "x", count: 256)) }
        let parts = Array(repeating: String(repeating: "x", count: 128), count: 8).joined(separator: "/")
        #expect(parts.utf8.count == 1_031)
        let found = try expectFault(.limit) { try ObjectKey(parts) }
        #expect(found.message.utf8.count < 300)
        try expectFault(.limit) { try ObjectKey(String(repeating: "ü", count: 128)) }
    }

    @Test func `a key is its bytes, whatever they look like`() throws {
        let composed = try ObjectKey("\u{E9}")
        let decomposed = try ObjectKey("e\u{301}")
        #expect(composed != decomposed)
        #expect(decomposed < composed)
        #expect(try ObjectKey("a-b") < ObjectKey("a/b"))
        #expect(try ObjectKey("a") < ObjectKey("a-b"))
    }

    @Test func `a name that is not UTF-8 is no key`() throws {
        try expectFault(.unsupported) { try ObjectKey(bytes: ByteString(bytes: [0x61, 0xFF])) }
    }
}
