import Codec
import Ledger
import Platform
import TestSupport
import Testing

struct StagedPathTests {
    @Test(
        arguments: [
            ("a", ["a"]), ("a/b/c", ["a", "b", "c"]), ("a/b/", ["a", "b"]), (".profile", ["%2Eprofile"]),
            ("a/../b", ["a", "%2E.", "b"]), ("./x", ["%2E", "x"]), ("50%/x", ["50%25", "x"]), ("a\nb", ["a%0Ab"]),
            ("grüße", ["grüße"]), (ByteString(bytes: [0x61, 0xFF]), ["a%FF"]), ("-rf *", ["-rf *"]),
            (ByteString(bytes: [0xC3, 0xBC, 0xFF]), ["%C3%BC%FF"]),
        ] as [(ByteString, [ByteString])])
    func `each name is escaped on its own`(key: ByteString, staged: [ByteString]) {
        #expect(StagedPath.components(of: key) == staged)
    }

    @Test func `a name that grows too long is cut and told apart by its digest`() {
        let long = ByteString(bytes: Array(repeating: 0x61, count: 255))
        let other = ByteString(bytes: Array(repeating: 0x61, count: 254) + [0x62])
        let digest = SHA256Hasher.digest(of: long.bytes).description.prefix(40)
        let staged = StagedPath.components(of: "dir/" + long + "/leaf")
        #expect(staged == ["dir", ByteString(String(repeating: "a", count: 180) + "%~" + digest), "leaf"])
        #expect(StagedPath.components(of: long) != StagedPath.components(of: other))
        #expect(StagedPath.components(of: ByteString(bytes: Array(repeating: 0x61, count: 240)))[0].count == 240)
    }

    @Test func `random names stay apart, and are names that a UTF-8 file system takes`() {
        var random = SplitMix64(seed: 13)
        var seen: [ByteString: ByteString] = [:]
        for _ in 0..<3_000 {
            let count = Int.random(in: 1...255, using: &random)
            var bytes = random.bytes(count).map { $0 == 0 || $0 == 0x2F ? 0x25 : $0 }
            if Bool.random(using: &random) { bytes = bytes.map { $0 & 0x7F | 0x20 }.map { $0 == 0x2F ? 0x2E : $0 } }
            let key = ByteString(bytes: bytes)
            let staged = StagedPath.components(of: key)
            #expect(staged.count == 1)
            let name = staged[0]
            #expect(name.count <= 255 && name.bytes.first != 0x2E && !name.isEmpty)
            #expect(String(validating: name.bytes, as: UTF8.self) != nil)
            let isClean = name.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0x2F }
            #expect(isClean)
            let other = seen.updateValue(key, forKey: name)
            #expect(other == nil || other == key)
        }
    }
}
