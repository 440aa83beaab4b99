import Codec
import FoundationEssentials
import Platform
import Testing

struct Digest256Tests {
    /// The digest of no bytes at all (FIPS 180-4 test vector).
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test(arguments: [
        (empty, empty),
        (String(repeating: "0", count: 64), String(repeating: "0", count: 64)),
        (String(repeating: "F", count: 64), String(repeating: "f", count: 64)),
        (
            "0123456789abcdefABCDEF0123456789fedcba9876543210FEDCBA9876543210",
            "0123456789abcdefabcdef0123456789fedcba9876543210fedcba9876543210"
        ),
    ])
    func `64 hexadecimal digits are read and written in lower case`(text: String, written: String) throws {
        let digest = try #require(Digest256(text))
        #expect(digest.description == written)
        let again = try #require(Digest256(hex: Array(written.utf8)))
        #expect(again == digest)
        #expect(again.hashValue == digest.hashValue)
    }

    @Test(arguments: [
        "", "e3", String(repeating: "0", count: 63), String(repeating: "0", count: 65),
        String(repeating: "0", count: 66), String(repeating: "0", count: 128), String(repeating: "0", count: 63) + "g",
        String(repeating: "0", count: 63) + "/", String(repeating: "0", count: 63) + ":",
        String(repeating: "0", count: 63) + "@", String(repeating: "0", count: 63) + "G",
        String(repeating: "0", count: 63) + "`", " " + String(repeating: "0", count: 63),
        "0x" + String(repeating: "0", count: 62), String(repeating: "0", count: 62) + "é",
        empty + "\n",
    ])
    func `anything else is no digest`(text: String) {
        #expect(Digest256(text) == nil)
    }

    @Test func `digests that differ in any one digit differ`() throws {
        let digest = try #require(Digest256(Self.empty))
        for index in 0..<64 {
            var digits = Array(Self.empty.utf8)
            digits[index] = digits[index] == 0x30 ? 0x31 : 0x30
            let other = try #require(Digest256(hex: digits))
            #expect(other != digest, "digit \(index)")
            #expect(other.description == String(decoding: digits, as: UTF8.self))
        }
    }

    @Test func `a digest is a string in JSON`() throws {
        let digest = try #require(Digest256(Self.empty))
        let json = try JSONEncoder().encode([digest])
        #expect(String(decoding: json, as: UTF8.self) == "[\"\(Self.empty)\"]")
        #expect(try JSONDecoder().decode([Digest256].self, from: json) == [digest])
        let bad = Data("[\"e3b0\"]".utf8)
        let failure = #expect(throws: DecodingError.self) { try JSONDecoder().decode([Digest256].self, from: bad) }
        #expect(String(describing: failure).contains("'e3b0' is no SHA-256 digest"))
    }
}
