import Codec
import Platform
import TestSupport

/// Compresses each block into a member of its own.
func members(_ blocks: [[UInt8]], level: Int = 6) throws -> [[UInt8]] {
    let compressor = try GzipMemberCompressor(level: level)
    return blocks.map { gzipped($0, compressor) }
}

/// Bytes in memory that come in pieces of a given size.
final class PiecesStream: ByteStream {
    let name = "rows"
    private var rest: ArraySlice<UInt8>
    private let step: Int

    init(_ bytes: [UInt8], step: Int = .max) {
        rest = bytes[...]
        self.step = step
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        let piece = rest.prefix(min(step, buffer.count))
        buffer.copyBytes(from: piece)
        rest = rest.dropFirst(piece.count)
        return piece.count
    }
}

/// A source that says that it is larger than it is.
final class BoastingSource: RangedSource {
    let name = "boast"
    let size: Int64
    private let inner: BytesSource

    init(_ bytes: [UInt8], size: Int64) {
        inner = BytesSource(bytes, name: "boast")
        self.size = size
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        try inner.read(into: buffer, at: offset)
    }
}

/// A source whose reads fail from an offset on.
final class FailingSource: RangedSource {
    let name = "failing"
    let size: Int64
    private let inner: BytesSource
    private let edge: Int64

    init(_ bytes: [UInt8], failingAt edge: Int64) {
        inner = BytesSource(bytes, name: "failing")
        size = Int64(bytes.count)
        self.edge = edge
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        guard offset < edge else { throw Fault(.io, "read failing: input/output error") }
        let wanted = Int(min(Int64(buffer.count), edge - offset))
        return try inner.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
    }
}
