import Codec
import Ledger
import Platform
import TestSupport
import Testing
import Vault

struct ContentCheckTests {
    private func check(_ bytes: [UInt8], _ expected: ExpectedContent, piece: Int = 7) throws {
        var check = try ContentCheck(expected, of: "f")
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try bytes[start..<min(start + piece, bytes.count)].withUnsafeBytes { try check.update($0) }
        }
        try check.finish()
    }

    @Test(arguments: [0, 1, 9, 10, 11, 20, 99, 100])
    func `the right bytes pass, however they are cut`(_ count: Int) throws {
        let bytes = content(count)
        for piece in [1, 7, 10, 1_000] {
            try check(bytes, ExpectedContent(of: bytes), piece: piece)
            try check(bytes, ExpectedContent(of: bytes, partSize: 10), piece: piece)
        }
    }

    @Test func `a differing part is named with both digests as soon as it ends`() throws {
        var bytes = content(35)
        let expected = ExpectedContent(of: bytes, partSize: 10)
        bytes[25] ^= 1
        var check = try ContentCheck(expected, of: "f")
        let found = try expectFault(.damaged) { try bytes[..<30].withUnsafeBytes { try check.update($0) } }
        let wrong = SHA256Hasher.digest(of: Array(bytes[20..<30]))
        let right = try #require(expected.parts).digests[2]
        #expect(found.message == "f: part 3 of 4: sha256 is \(wrong), expected \(right)")
    }

    @Test func `missing and surplus bytes are found`() throws {
        let bytes = content(30)
        let expected = ExpectedContent(of: bytes)
        let short = try expectFault(.damaged) { try check(Array(bytes[..<29]), expected) }
        #expect(short.message == "f: has 29 bytes, expected 30")
        let long = try expectFault(.damaged) { try check(bytes + [0], expected) }
        #expect(long.message == "f: more than the expected 30 bytes")
    }

    @Test(arguments: [(10, 2), (10, 4), (0, 3), (-1, 3), (40, 2)])
    func `a part table that doesn't fit the size is refused`(_ partSize: Int, _ count: Int) throws {
        let digest = SHA256Hasher.digest(of: [])
        let parts = PartTable(partSize: Int64(partSize), digests: Array(repeating: digest, count: count))
        let expected = ExpectedContent(size: 30, sha256: digest, parts: parts)
        try expectFault(.damaged) { try ContentCheck(expected, of: "f") }
    }

    @Test func `an empty whole has no part or an empty one`() throws {
        let digest = SHA256Hasher.digest(of: [])
        for digests in [[], [digest]] {
            try check([], ExpectedContent(size: 0, sha256: digest, parts: PartTable(partSize: 10, digests: digests)))
        }
        let wrong = PartTable(partSize: 10, digests: [SHA256Hasher.digest(of: [1])])
        try expectFault(.damaged) { try check([], ExpectedContent(size: 0, sha256: digest, parts: wrong)) }
    }
}
