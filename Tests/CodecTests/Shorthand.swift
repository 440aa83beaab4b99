import Codec
import Platform
import TestSupport
import Testing

/// The fault that `body` ends with, or nothing when it ends well.
func fault<R>(_ body: () throws -> R) -> Fault? {
    do {
        _ = try body()
        return nil
    } catch {
        return .wrapping(error)
    }
}

/// Expects that `body` ends with a fault of `code` whose message has `words` in it.
func expectFault<R>(
    _ code: Fault.Code, _ words: String = "", about: String = "", sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> R
) {
    let failure = fault(body)
    let isExpected = failure?.code == code && (words.isEmpty || failure?.message.contains(words) == true)
    #expect(isExpected, "\(about) \(String(describing: failure))", sourceLocation: sourceLocation)
}

/// Compresses each block into a member of its own.
func members(_ blocks: [[UInt8]], level: Int = 6) throws -> [[UInt8]] {
    let compressor = try GzipMemberCompressor(level: level)
    return blocks.map { member($0, compressor) }
}

func member(_ block: [UInt8], _ compressor: GzipMemberCompressor) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: GzipMemberCompressor.bound(block.count)) { output, count in
        count = block.withUnsafeBytes { compressor.compress($0, into: UnsafeMutableRawBufferPointer(output)) }
    }
}

/// Reads a stream to its end, `step` bytes at a time.
func readAll(_ stream: some ByteStream, step: Int = 1 << 16) throws(Fault) -> [UInt8] {
    var all: [UInt8] = []
    let buffer = Buffer(capacity: step)
    while true {
        let count = try stream.read(into: buffer.bytes)
        if count == 0 { return all }
        all += buffer.bytes[..<count]
    }
}

func inflated(_ bytes: [UInt8], step: Int = 1 << 16) throws(Fault) -> [UInt8] {
    try readAll(GzipReader(BytesSource(bytes, name: "data")), step: step)
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
