import Platform
import TestSupport
import Testing

struct ReadAheadSourceTests {
    /// Bytes that tell their place, and what was asked of them.
    private final class Counted: RangedSource {
        let name = "counted"
        let size: Int64
        let reads = Monitor<[Range<Int64>]>([])
        /// From here on reading fails.
        let end: Int64

        init(size: Int64, failingFrom end: Int64 = .max) {
            self.size = size
            self.end = end
        }

        static func byte(_ offset: Int64) -> UInt8 { UInt8(truncatingIfNeeded: (offset >> 16) &* 31 &+ offset) }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
            guard offset < end else { throw Fault(.io, "can't be read at \(offset)") }
            let count = Int(max(0, min(Int64(buffer.count), size - offset)))
            reads.with { $0.append(offset..<offset + Int64(count)) }
            for place in 0..<count { buffer[place] = Self.byte(offset + Int64(place)) }
            return count
        }
    }

    private static let piece = ReadAheadSource.pieceSize

    private func check(_ source: ReadAheadSource, _ range: Range<Int64>, step: Int = 300_000) throws {
        let buffer = Buffer(capacity: step)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = min(step, Int(range.upperBound - offset))
            let count = try source.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted]), at: offset)
            try #require(count > 0)
            for place in stride(from: 0, to: count, by: 4_093) {
                try #require(buffer.bytes[place] == Counted.byte(offset + Int64(place)))
            }
            offset += Int64(count)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `ranges are fetched in large pieces, each once, whatever is read at a time`() async throws {
        try await onOwnThread {
            let counted = Counted(size: 100 << 20)
            let source = ReadAheadSource(counted, ReadAheadSource.buffers(3), threads: 3)
            let ranges: [Range<Int64>] = [
                1_000..<(20 << 20), (40 << 20)..<(40 << 20) + 10, (41 << 20)..<(41 << 20) + 5, (60 << 20)..<(61 << 20),
            ]
            try source.fetch(ranges.reversed())
            for range in ranges { try check(source, range) }
            try source.stop()
            let reads = counted.reads.with { $0.sorted { $0.lowerBound < $1.lowerBound } }
            #expect(
                reads == [
                    1_000..<1_000 + Self.piece, 1_000 + Self.piece..<1_000 + 2 * Self.piece,
                    1_000 + 2 * Self.piece..<(20 << 20), ranges[1], ranges[2], ranges[3],
                ])
            // What lies near is one request.
            #expect(ReadAheadSource.joined([0..<10, 20..<30, 5..<12]) == [0..<30])
            // Again, from elsewhere, and beyond all.
            try check(source, (5 << 20)..<(5 << 20) + 100)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `several sources share few buffers, and one that is given up lets the others go on`() async throws {
        try await onOwnThread {
            let buffers = ReadAheadSource.buffers(2)
            try ThreadCrew.each(Array(0..<6), atOnce: 3, "read") { number throws(Fault) in
                let source = ReadAheadSource(Counted(size: 50 << 20), buffers, threads: 4)
                do {
                    try source.fetch([0..<(30 << 20)])
                    try self.check(source, 0..<(number % 2 == 0 ? 30 << 20 : 9 << 20))
                    // Passed over, and read from the middle of what is not begun.
                    try self.check(source, (29 << 20)..<(30 << 20))
                    try source.stop()
                } catch { throw .wrapping(error) }
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a fault is told where it is read, and not before`() async throws {
        try await onOwnThread {
            let source = ReadAheadSource(
                Counted(size: 50 << 20, failingFrom: 2 * Self.piece), ReadAheadSource.buffers(4), threads: 2)
            try source.fetch([0..<(40 << 20)])
            try check(source, 0..<(2 * Self.piece))
            try expectFault(.io, "can't be read at") { try check(source, (2 * Self.piece)..<(2 * Self.piece + 10)) }
            try source.fetch([0..<10])
            try check(source, 0..<10)
            try source.stop()
        }
    }
}
