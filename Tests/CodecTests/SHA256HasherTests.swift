import Codec
import Platform
import TestSupport
import Testing

struct SHA256HasherTests {
    @Test(.timeLimit(.minutes(10))) func `digests are those of sha256sum, whatever the pieces`() async throws {
        try await withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            var random = SplitMix64(seed: 1)
            let sizes = [0, 1, 55, 56, 63, 64, 65, 127, 128, 1_000, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 3]
            var expected = ""
            for size in sizes {
                let bytes = random.bytes(size)
                try tree.file(ByteString("f\(size)"), bytes)
                let whole = SHA256Hasher.digest(of: bytes)
                var hasher = SHA256Hasher()
                var rest = bytes[...]
                while !rest.isEmpty {
                    let piece = rest.prefix(Int.random(in: 1...70_000, using: &random))
                    piece.withUnsafeBytes { hasher.update($0) }
                    rest = rest.dropFirst(piece.count)
                }
                #expect(hasher.finish() == whole)
                let source = try FileSource(try tree.root.openFile(ByteString("f\(size)")))
                #expect(try SHA256Hasher.digest(of: source) == whole)
                expected += "\(whole)  f\(size)\n"
            }
            let result = try await run(["sha256sum"] + sizes.map { "f\($0)" }, directory: path)
            #expect(result.output == expected)
        }
    }

    @Test func `finishing does not end a hasher`() {
        var hasher = SHA256Hasher()
        let bytes = Array("abc".utf8)
        bytes.withUnsafeBytes { hasher.update($0) }
        let first = hasher.finish()
        // FIPS 180-4, the example of one block.
        #expect(first.description == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hasher.finish() == first)
        bytes.withUnsafeBytes { hasher.update($0) }
        #expect(hasher.finish() == SHA256Hasher.digest(of: bytes + bytes))
    }

    @Test func `a source that ends too early is a change, one that fails keeps its fault`() {
        let short = fault { try SHA256Hasher.digest(of: BoastingSource([1, 2, 3], size: 5)) }
        #expect(short?.code == .changed)
        #expect(short?.message == "boast: ends at 3 of 5 bytes")
        let failing = fault { try SHA256Hasher.digest(of: FailingSource([1, 2, 3], failingAt: 0)) }
        #expect(failing?.code == .io)
    }
}
