import Codec
import Platform
import TestSupport
import Testing

struct GzipMemberCompressorTests {
    private static let sample = 16 << 10

    /// Inputs of every sort: none, small, text, and text beside bytes that don't shrink.
    private static let inputs: [[UInt8]] = {
        var random = SplitMix64(seed: 4)
        return [
            [], [0x61], random.text(1_000), random.text(300_000), random.bytes(300_000),
            [UInt8](repeating: 0, count: 200_000), random.text(100_000) + random.bytes(100_000),
        ]
    }()

    @Test(.timeLimit(.minutes(10))) func `gzip, Python and zlib read what every level makes`() async throws {
        try await withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            let whole = Array(Self.inputs.joined())
            try tree.file("input", whole)
            for level in 1...12 {
                let packed = Array(try members(Self.inputs, level: level).joined())
                try tree.file(ByteString("\(level).gz"), packed)
                let back = try gunzipped(packed)
                #expect(back == whole, "level \(level)")
            }
            let gzip = try await run(
                ["sh", "-c", "for f in *.gz; do gzip -t $f && gzip -dc $f | cmp - input || echo $f; done"],
                directory: path)
            #expect(gzip.description == "exit status 0\nstdout: \nstderr: ")
            let python = try await run(
                [
                    "python3", "-c",
                    """
                    import gzip, glob, zlib
                    want = open('input', 'rb').read()
                    for name in glob.glob('*.gz'):
                        assert gzip.open(name).read() == want, name
                    print(len(glob.glob('*.gz')))
                    """,
                ], directory: path)
            #expect(python.output == "12\n", "\(python)")
        }
    }

    @Test(arguments: 1...12) func `a member has no time and no name`(level: Int) throws {
        for member in try members(Self.inputs, level: level) {
            // RFC 1952: magic, deflate, no flags, MTIME 0.
            #expect(Array(member.prefix(8)) == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0])
        }
    }

    @Test(arguments: 1...12) func `a member stays within the bound`(level: Int) throws {
        var random = SplitMix64(seed: 5)
        let compressor = try GzipMemberCompressor(level: level)
        for count in [0, 1, 15, 100, 65_535, 65_536, 131_071, 131_072, 1 << 20] {
            let packed = gzipped(random.bytes(count), compressor)
            #expect(packed.count <= GzipMemberCompressor.bound(count))
            #expect(packed.count >= count, "random bytes don't shrink")
        }
    }

    @Test(arguments: [1, 6, 9, 12]) func `same input gives same bytes, whatever came before`(level: Int) throws {
        let first = try members(Self.inputs, level: level)
        let second = try members(Self.inputs.reversed(), level: level)
        #expect(first == second.reversed())
    }

    @Test func `a higher level makes text smaller`() throws {
        let sizes = try [1, 6, 9, 12].map { level in try members([Self.inputs[3]], level: level)[0].count }
        #expect(sizes == sizes.sorted(by: >))
        #expect(sizes[0] > sizes[3])
    }

    /// The type of the first deflate block (RFC 1951, 3.2.3): 0 is stored.
    private func blockType(_ member: [UInt8]) -> UInt8 { member[10] >> 1 & 3 }

    @Test func `input that does not shrink is stored`() throws {
        var random = SplitMix64(seed: 6)
        let compressor = try GzipMemberCompressor(level: 6)
        let noise = gzipped(random.bytes(8 * Self.sample), compressor)
        #expect(blockType(noise) == 0)
        #expect(noise.count <= 8 * Self.sample + 18 + 5 * 3)

        // Four samples decide: what lies between them is stored with them.
        let quarter = 4 * Self.sample
        var mixed: [UInt8] = []
        for _ in 0..<4 { mixed += random.bytes(Self.sample) + [UInt8](repeating: 0x61, count: quarter - Self.sample) }
        let stored = gzipped(mixed, compressor)
        #expect(stored.count > mixed.count)
        let back = try gunzipped(stored)
        #expect(back == mixed)

        // One sample that shrinks is enough for all to be compressed, and so is an input too small for samples.
        for part in 0..<4 {
            var other = mixed
            for index in 0..<Self.sample { other[part * quarter + index] = 0x61 }
            #expect(gzipped(other, compressor).count < mixed.count / 2)
        }
        let small = random.bytes(Self.sample) + [UInt8](repeating: 0x61, count: 7 * Self.sample - 1)
        #expect(gzipped(small, compressor).count < small.count / 2)
    }

    @Test(arguments: [13, 99, -1, Int(Int32.max)]) func `a level that does not exist is refused`(level: Int) throws {
        try expectFault(.limit) { try GzipMemberCompressor(level: level) }
    }
}
