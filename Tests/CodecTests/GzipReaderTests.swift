import Codec
import Platform
import TestSupport
import Testing

struct GzipReaderTests {
    /// Three members, one of them empty, and what they hold.
    private static func sample() throws -> (packed: [[UInt8]], blocks: [[UInt8]]) {
        var random = SplitMix64(seed: 9)
        let blocks = [random.text(400), [], random.bytes(40) + random.text(300)]
        return (try members(blocks), blocks)
    }

    @Test(arguments: [1, 2, 7, 64, 1 << 16], [1, 3, 18, 128 << 10])
    func `members are read one after the other, whatever the buffers`(step: Int, bufferSize: Int) throws {
        let (packed, blocks) = try Self.sample()
        let bytes = Array(packed.joined())
        let reader = MemberReader.gzip(BytesSource(bytes, name: "data"), bufferSize: bufferSize)
        var ends: [Int64] = []
        reader.onMemberEnd = { (offset: Int64) throws(Fault) in ends.append(offset) }
        let back = try readAll(reader, step: step)
        #expect(back == Array(blocks.joined()))
        let first = Int64(packed[0].count)
        let second = first + Int64(packed[1].count)
        #expect(ends == [first, second, Int64(bytes.count)])
        #expect(reader.sourceOffset == Int64(bytes.count))
        // The end stays the end.
        #expect(try readAll(reader).isEmpty)
    }

    @Test func `a range of whole members is read alone`() throws {
        let (packed, blocks) = try Self.sample()
        let source = BytesSource(Array(packed.joined()), name: "data")
        var edges: [Int64] = [0]
        for member in packed { edges.append((edges.last ?? 0) + Int64(member.count)) }
        for first in 0..<3 {
            for end in first + 1...3 {
                let reader = MemberReader.gzip(source, range: edges[first]..<edges[end])
                #expect(try readAll(reader) == Array(blocks[first..<end].joined()))
            }
        }
        let beyond = MemberReader.gzip(source, range: edges[2]..<(edges[3] + 1_000))
        #expect(try readAll(beyond) == blocks[2])
    }

    @Test func `a range that cuts a member is damaged`() throws {
        let (packed, _) = try Self.sample()
        let source = BytesSource(Array(packed.joined()), name: "data")
        let first = Int64(packed[0].count)
        for range in [1..<first, 0..<first - 1, 0..<first + 1, first - 1..<first, 5..<9] as [Range<Int64>] {
            let failure = fault { try readAll(MemberReader.gzip(source, range: range)) }
            #expect(failure?.code == .damaged, "\(range)")
        }
    }

    @Test func `every flipped bit is found, or is one that means nothing`() throws {
        let (packed, blocks) = try Self.sample()
        let bytes = Array(packed.joined())
        let whole = Array(blocks.joined())
        // A member's header has MTIME, XFL and OS, which nothing checks (RFC 1952), and the hint that it is text.
        var free: Set<Int> = []
        var start = 0
        for member in packed {
            for index in 4...9 { free.insert(start + index) }
            start += member.count
        }
        var (inHeaders, elsewhere) = (0, 0)
        var silent: [String] = []
        for index in bytes.indices {
            for mask in (0..<8).map({ UInt8(1) << $0 }) + [0xFF] {
                var flipped = bytes
                flipped[index] ^= mask
                do {
                    let back = try gunzipped(flipped)
                    if back != whole { silent.append("\(index)^\(mask): other bytes") }
                    let isTextHint = mask == 1 && free.contains(index + 1) && !free.contains(index)
                    if free.contains(index) || isTextHint { inHeaders += 1 } else { elsewhere += 1 }
                } catch {
                    if error.code != .damaged { silent.append("\(index)^\(mask): \(error.code)") }
                }
            }
        }
        #expect(silent == [])
        #expect(inHeaders == 3 * (6 * 9 + 1))
        // Bits that fill the last byte of the deflate data, or that describe codes of no use.
        #expect(elsewhere <= 3 * 8)
    }

    @Test func `truncation is found at every length but the end of a member`() throws {
        let (packed, blocks) = try Self.sample()
        let bytes = Array(packed.joined())
        let edges = [packed[0].count, packed[0].count + packed[1].count]
        for count in bytes.indices {
            for bufferSize in [1, 128 << 10] {
                let reader = MemberReader.gzip(
                    BytesSource(Array(bytes[..<count]), name: "data"), bufferSize: bufferSize)
                var back: [UInt8]?
                let failure = fault { back = try readAll(reader) }
                if edges.contains(count) {
                    // A file that ends with a member is a gzip file; what lists the members knows better.
                    #expect(back == blocks[0])
                } else {
                    #expect(failure?.code == .damaged, "\(count)")
                    #expect(
                        failure?.message.hasPrefix("data: at byte \(count): ") == true,
                        "\(count): \(String(describing: failure))")
                }
            }
        }
    }

    @Test func `what comes before the damage is given before the fault, which stays`() throws {
        let (packed, blocks) = try Self.sample()
        var bytes = Array(packed.joined())
        bytes[bytes.count - 8] ^= 1
        let reader = MemberReader.gzip(BytesSource(bytes, name: "data"))
        let buffer = Buffer(capacity: 1 << 16)
        let count = try reader.read(into: buffer.bytes)
        #expect(Array(buffer.bytes[..<count]) == Array(blocks.joined()))
        for _ in 0..<2 { try expectFault(.damaged) { try reader.read(into: buffer.bytes) } }
    }

    @Test(arguments: [
        [0], [0x1F], [0x1F, 0x8B], [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], [UInt8](repeating: 0, count: 512),
        Array("garbage".utf8), [0x78, 0x9C, 3, 0],
    ])
    func `what stands behind the last member is damage`(garbage: [UInt8]) throws {
        let (packed, _) = try Self.sample()
        for bufferSize in [1, 128 << 10] {
            let reader = MemberReader.gzip(
                BytesSource(Array(packed.joined()) + garbage, name: "data"), bufferSize: bufferSize)
            try expectFault(.damaged) { try readAll(reader) }
        }
    }

    @Test(arguments: [
        [], [0], Array("plain text, not compressed".utf8), [0x78, 0x9C, 0x4B, 4, 0, 0, 0x62, 0, 0x62],
        [0x1F, 0x8B, 7, 0, 0, 0, 0, 0, 0, 3], [0x1F, 0x8B, 8, 0xE0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0x42, 0x5A, 0x68, 0x39],
    ])
    func `what is no gzip data is damaged`(bytes: [UInt8]) throws {
        try expectFault(.damaged) { try gunzipped(bytes) }
    }

    @Test func `members with name, comment and extra fields are read`() async throws {
        try await withTemporaryDirectory { path in
            try TreeBuilder(path).file("named", text: "hello")
            let gzip = try await run(["gzip", "-N", "named"], directory: path)
            #expect(gzip.status == 0)
            let named = try Directory.open(path).readFile("named.gz")
            #expect(named[3] == 8, "gzip(1) has stored the name")
            #expect(try gunzipped(named) == Array("hello".utf8))
            var full: [UInt8] = [0x1F, 0x8B, 8, 0x1C, 1, 2, 3, 4, 0, 3, 2, 0, 0x61, 0x62]
            full += Array("name\u{0}comment\u{0}".utf8) + named[(10 + 6)...]
            #expect(try gunzipped(full) == Array("hello".utf8))
        }
    }

    @Test func `faults of the source come through and a shorter source is a change`() throws {
        let (packed, _) = try Self.sample()
        let bytes = Array(packed.joined())
        let failing = fault { try readAll(MemberReader.gzip(FailingSource(bytes, failingAt: 100), bufferSize: 64)) }
        #expect(failing?.code == .io)
        let short = fault {
            try readAll(MemberReader.gzip(BoastingSource(Array(bytes.dropLast(5)), size: Int64(bytes.count))))
        }
        #expect(short?.code == .changed)
        #expect(short?.message == "boast: ends at \(bytes.count - 5), expected \(bytes.count) bytes")
    }

    @Test func `a fault at a member's end stops the reading`() throws {
        let (packed, _) = try Self.sample()
        let reader = MemberReader.gzip(BytesSource(Array(packed.joined()), name: "data"))
        reader.onMemberEnd = { (_: Int64) throws(Fault) in throw Fault(.damaged, "not here") }
        try expectFault(.damaged, "not here") { try readAll(reader) }
    }
}
