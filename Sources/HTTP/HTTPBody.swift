package import Platform

/// What a request carries.
///
/// Every kind can be sent again from its start.
package enum HTTPBody: Sendable {
    case none
    case bytes([UInt8])
    /// A slice of a file or of anything else that is read at offsets: never in memory as a whole.
    case slice(any RangedSource, Range<Int64>)

    /// Bytes.
    package var size: Int64 {
        switch self {
        case .none: 0
        case .bytes(let bytes): Int64(bytes.count)
        case .slice(_, let range): range.upperBound - range.lowerBound
        }
    }

    /// Fills `buffer` from `offset` of the body on.
    ///
    /// - Returns: how many bytes were filled in; 0 only at the end.
    /// - Throws: `changed` when the source ends before its slice does, and what the source throws.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let wanted = Int(min(Int64(buffer.count), size - offset))
        guard wanted > 0 else { return 0 }
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
        switch self {
        case .none: return 0
        case .bytes(let bytes):
            target.copyBytes(from: bytes[Int(offset)..<Int(offset) + wanted])
            return wanted
        case .slice(let source, let range):
            let count = try source.read(into: target, at: range.lowerBound + offset)
            guard count > 0 else {
                throw Fault(
                    .changed, "\(source.name): ends at \(range.lowerBound + offset) of \(range.upperBound) bytes")
            }
            return count
        }
    }
}
