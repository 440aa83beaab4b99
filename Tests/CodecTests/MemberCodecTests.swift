import Codec
import Platform
import TestSupport
import Testing

/// What holds for every codec.
struct MemberCodecTests {
    private static let every = MemberCodec.allCases

    /// Inputs of every sort: none, small, text, and text beside bytes that don't shrink.
    private static let blocks: [[UInt8]] = {
        var random = SplitMix64(seed: 11)
        return [
            random.text(1), random.text(1_000), random.text(300_000), random.bytes(300_000), [],
            [UInt8](repeating: 0, count: 200_000), random.text(100_000) + random.bytes(100_000),
        ]
    }()

    private func members(_ blocks: [[UInt8]], _ codec: MemberCodec, level: Int) throws -> [[UInt8]] {
        let compressor = try codec.compressor(level: level)
        return try blocks.map { block in
            var member = [UInt8](repeating: 0, count: codec.bound(block.count))
            var failure: Fault?
            var count = 0
            member.withUnsafeMutableBytes { output in
                block.withUnsafeBytes { input in
                    do { count = try compressor.compress(input, into: output) } catch { failure = .wrapping(error) }
                }
            }
            if let failure { throw failure }
            return Array(member.prefix(count))
        }
    }

    private func levels(_ codec: MemberCodec) -> ClosedRange<Int> { codec.levels ?? 0...0 }

    @Test(.timeLimit(.minutes(10)), arguments: every)
    func `what a codec makes it reads back, whole and each member alone`(codec: MemberCodec) throws {
        let whole = Array(Self.blocks.joined())
        for level in levels(codec) {
            let packed = try members(Self.blocks, codec, level: level)
            let source = BytesSource(Array(packed.joined()), name: "data")
            #expect(try readAll(codec.reader(source)) == whole, "level \(level)")
            var start: Int64 = 0
            for (member, block) in zip(packed, Self.blocks) {
                let end = start + Int64(member.count)
                let back = try readAll(codec.reader(source, range: start..<end))
                #expect(back == block, "level \(level)")
                start = end
            }
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: every)
    func `a member stays within the bound, and is the same whatever came before`(codec: MemberCodec) throws {
        for level in levels(codec) {
            let first = try members(Self.blocks, codec, level: level)
            let second = try members(Self.blocks.reversed(), codec, level: level)
            #expect(first == second.reversed(), "level \(level)")
            for (member, block) in zip(first, Self.blocks) {
                #expect(
                    member.count <= codec.bound(block.count)
                        && codec.bound(block.count) <= MemberCodec.mostBound(block.count))
            }
        }
    }

    @Test(arguments: every) func `the end of each member is told where the codec marks it`(codec: MemberCodec) throws {
        let packed = try members(Self.blocks, codec, level: levels(codec).lowerBound)
        let reader = codec.reader(BytesSource(Array(packed.joined()), name: "data"))
        var ends: [Int64] = []
        reader.onMemberEnd = { (offset: Int64) throws(Fault) in ends.append(offset) }
        _ = try readAll(reader, step: 1_000)
        var expected: [Int64] = []
        for member in packed { expected.append((expected.last ?? 0) + Int64(member.count)) }
        #expect(ends == (codec.marksMembers ? expected : []))
    }

    @Test(arguments: [MemberCodec.gzip, .xz])
    func `a byte that is turned over or cut off is damaged`(codec: MemberCodec) throws {
        var random = SplitMix64(seed: 12)
        let block = random.text(3_000)
        let packed = try members([block], codec, level: 1)[0]
        for index in packed.indices {
            var other = packed
            other[index] ^= 1 << UInt8(random.next() % 8)
            let failure = fault { () throws -> Void in
                let back = try readAll(codec.reader(BytesSource(other, name: "data")))
                // The flags of a gzip header that say nothing about the data may be anything.
                if back == block { throw Fault(.damaged, "is the same") }
            }
            #expect(failure != nil, "byte \(index)")
            let cut = fault { try readAll(codec.reader(BytesSource(Array(packed[..<index]), name: "data"))) }
            #expect(cut?.code == .damaged, "\(index) bytes")
        }
    }

    @Test(
        arguments: [
            ("acme.tar.gz", .gzip), ("a/acme.tar.xz", .xz), ("acme.tar", MemberCodec.none), ("acme.tgz", nil),
            ("acme.index.tsv.gz", nil), ("", nil),
        ] as [(String, MemberCodec?)])
    func `a name tells its codec`(name: String, codec: MemberCodec?) { #expect(MemberCodec(ofName: name) == codec) }

    @Test(arguments: [-1, 0, 10, 99]) func `an xz preset that does not exist is refused`(level: Int) throws {
        try expectFault(.limit) { try MemberCodec.xz.compressor(level: level) }
    }

    // MARK: Stock programs

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (MemberCodec.gzip, "gzip -dc"), (.gzip, "pigz -dc"), (.gzip, "igzip -dc"), (.gzip, "libdeflate-gzip -dc"),
            (.gzip, "busybox gzip -dc"), (.xz, "xz -dc"), (.xz, "busybox xz -dc"), (.xz, "xz -T2 -dc"),
        ])
    func `stock programs read members one after the other`(codec: MemberCodec, command: String) async throws {
        try await withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            for level in levels(codec) {
                try tree.file("input", Array(Self.blocks.joined()))
                try tree.file("packed", Array(try members(Self.blocks, codec, level: level).joined()))
                let result = try await run(["sh", "-c", "\(command) < packed | cmp - input"], directory: path)
                #expect(result.description == "exit status 0\nstdout: \nstderr: ", "level \(level)")
            }
        }
    }

    @Test func `xz tells of streams of one block each`() async throws {
        try await withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            try tree.file("packed.xz", Array(try members(Self.blocks, .xz, level: 1).joined()))
            let result = try await run(["xz", "--robot", "--list", "packed.xz"], directory: path)
            let words = result.lines.first { $0.hasPrefix("file") }?.split(separator: "\t")
            // Streams, and blocks: the empty one has none.
            #expect(words?[1] == "7" && words?[2] == "6" && words?[6] == "CRC64", "\(result)")
        }
    }

    @Test func `padding between xz streams is passed over, in fours`() throws {
        let packed = try members([Self.blocks[1]], .xz, level: 1)[0]
        let twice = Self.blocks[1] + Self.blocks[1]
        func read(_ zeros: Int, behind: Int = 0) throws -> [UInt8] {
            let bytes = packed + [UInt8](repeating: 0, count: zeros) + packed + [UInt8](repeating: 0, count: behind)
            return try readAll(MemberCodec.xz.reader(BytesSource(bytes, name: "data")))
        }
        for zeros in [0, 4, 64] { #expect(try read(zeros, behind: zeros) == twice) }
        try expectFault(.damaged) { try read(4, behind: 3) }
        try expectFault(.damaged) { try read(2) }
    }
}
