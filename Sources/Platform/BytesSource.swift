/// Bytes in memory as a ranged source.
package final class BytesSource: RangedSource {
    package let name: String
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8], name: String) {
        self.bytes = bytes
        self.name = name
    }

    package var size: Int64 { Int64(bytes.count) }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        guard offset < size else { return 0 }
        let piece = bytes[Int(offset)...].prefix(buffer.count)
        piece.withUnsafeBytes { buffer.copyMemory(from: $0) }
        return piece.count
    }
}
