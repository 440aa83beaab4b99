import Codec
import Platform
import TestSupport
import Testing

@testable import Archive

private let libraries: [MemberLibrary] = [.zlib, .libdeflate, .isal]

@Suite(.timeLimit(.minutes(10)))
struct MemberStreamTests {
    private struct Made: Sendable {
        var archive: [UInt8] = []
        var members: [ArchiveIndex.Member] = []
        var tar: [UInt8] = []
    }

    /// Members of many sizes, an empty one and one of the greatest size among them.
    private func made() throws -> Made {
        var made = Made()
        var random = SplitMix64(seed: 50)
        for size in [1, 0, Block.memberSize, 70_000, 512, 1_000_000] + (0..<20).map({ $0 * 1_111 }) {
            let tar = random.text(size)
            let member = try gzipped(tar)
            made.members.append(
                .init(
                    offset: Int64(made.archive.count), length: Int64(member.count), tarOffset: Int64(made.tar.count),
                    tarLength: Int64(size)))
            made.archive += member
            made.tar += tar
        }
        return made
    }

    private func stream(
        _ made: Made, _ range: Range<Int>? = nil, workers: Int = 2, _ library: MemberLibrary = .zlib,
        passing: @escaping MemberStream.Passing = { _ in }
    ) throws -> MemberStream {
        let range = range ?? made.members.indices
        return try MemberStream(
            BytesSource(made.archive, name: "acme.tar.gz"), made.members[range], first: range.lowerBound,
            workers: workers, library: library, passing: passing)
    }

    @Test(arguments: libraries) func `the tar comes in order, whatever the number of workers`(library: MemberLibrary)
        async throws
    {
        let made = try made()
        for workers in [1, 2, 7] {
            try await onOwnThread {
                let all = try stream(made, workers: workers, library)
                #expect(try readAll(all, step: 100_003) == made.tar)
                try all.finish()
                let some = try stream(made, 3..<9, workers: workers, library)
                let (from, to) = (Int(made.members[3].tarOffset), Int(made.members[9].tarOffset))
                #expect(try readAll(some) == Array(made.tar[from..<to]))
                try some.finish()
            }
        }
    }

    @Test func `all bytes pass once and in order`() async throws {
        let made = try made()
        try await onOwnThread {
            let digests = Handed(ArchiveDigests(partSize: 10_000))
            let all = try stream(made, workers: 4) { digests.value.update($0) }
            _ = try readAll(all)
            try all.finish()
            digests.value.finish()
            #expect(digests.value.whole == SHA256Hasher.digest(of: made.archive))
            #expect(digests.value.parts.count == (made.archive.count + 9_999) / 10_000)
            #expect(digests.value.parts.first == SHA256Hasher.digest(of: Array(made.archive[..<10_000])))
        }
    }

    @Test(arguments: libraries) func `a damaged member is told with its number and place, and so is each behind it`(
        library: MemberLibrary
    ) async throws {
        var made = try made()
        for number in [5, 8, 20] {
            made.archive[Int(made.members[number].offset + made.members[number].length) - 6] ^= 1
        }
        let damaged = made
        try await onOwnThread {
            let all = try stream(damaged, workers: 3, library)
            let failure = fault { try readAll(all) }
            let place = damaged.members[5]
            let words = "acme.tar.gz: member 5 (bytes \(place.offset)-\(place.offset + place.length)): "
            #expect(
                failure?.code == .damaged && failure?.message.hasPrefix(words) == true, "\(String(describing: failure))"
            )
            #expect(all.damage?.number == 5)
            var found: [Int] = []
            try all.drain { found.append($0.number) }
            #expect(found == [8, 20])
        }
    }

    @Test(arguments: libraries) func `a member that holds more, less or something behind it is refused`(
        library: MemberLibrary
    )
        async throws
    {
        let made = try made()
        for (what, change) in [
            ("more", { $0.tarLength -= 1 }), ("less", { $0.tarLength += 1 }), ("cut off", { $0.length -= 1 }),
            ("behind", { $0.length += 3 }),
        ] as [(String, (inout ArchiveIndex.Member) -> Void)] {
            var other = made
            change(&other.members[3])
            let changed = other
            let failure = try await fault { try readAll(stream(changed, 3..<4, library)) }
            #expect(failure?.code == .damaged, "\(what): \(String(describing: failure))")
        }
    }

    @Test func `a member larger than any of ours is refused before it takes memory`() async throws {
        var made = try made()
        made.members[3].tarLength = 1 << 40
        let tall = made
        let failure = try await fault { _ = try stream(tall) }
        #expect(failure?.code == .damaged && failure?.message.contains("more than pack makes") == true)
    }

    @Test func `a source that fails ends the stream with its fault`() async throws {
        let made = try made()
        for broken in [0, 5, made.members.count - 1] {
            let source = BrokenSource(made.archive, at: made.members[broken].offset)
            let failure = try await fault {
                let all = try MemberStream(
                    source, made.members[...], first: 0, workers: 2, library: .zlib)
                return try readAll(all)
            }
            #expect(failure?.code == .io && failure?.message == "the disk is broken", "\(broken)")
        }
    }

    @Test func `one that is dropped or ended half-way holds nothing up`() async throws {
        let made = try made()
        try await onOwnThread {
            for _ in 0..<20 {
                let dropped = try stream(made, workers: 3)
                let buffer = Buffer(capacity: 10)
                _ = try dropped.read(into: buffer.bytes)
                let ended = try stream(made, workers: 3)
                _ = try ended.read(into: buffer.bytes)
                try ended.finish()
            }
        }
    }
}

/// A source whose bytes can't be read from an offset on.
private final class BrokenSource: RangedSource {
    private let bytes: BytesSource
    private let broken: Int64

    init(_ bytes: [UInt8], at broken: Int64) {
        self.bytes = BytesSource(bytes, name: "broken")
        self.broken = broken
    }

    var name: String { bytes.name }
    var size: Int64 { bytes.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        if offset >= broken { throw Fault(.io, "the disk is broken") }
        return try bytes.read(into: buffer, at: offset)
    }
}
