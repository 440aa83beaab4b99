package import Platform

extension RangedSource {
    /// Reads the first `length` bytes in order, one buffer full after the other.
    ///
    /// - Parameters:
    ///   - length: bytes to read.
    ///   - buffer: reused for every piece.
    ///   - body: gets each piece, valid until it returns.
    /// - Throws: `interrupted` after a signal, `changed` when the source ends before `length` bytes, and what the source
    ///   and `body` throw.
    package func forEachPiece(
        length: Int64, using buffer: Buffer, _ body: (UnsafeRawBufferPointer) throws(Fault) -> Void
    ) throws(Fault) {
        var offset: Int64 = 0
        while offset < length {
            try Shutdown.check()
            let wanted = Int(min(Int64(buffer.capacity), length - offset))
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted])
            let found = try read(into: target, at: offset)
            guard found > 0, found <= wanted else {
                throw Fault(.changed, "\(name): ends at \(offset) of \(length) bytes")
            }
            try body(UnsafeRawBufferPointer(rebasing: target[..<found]))
            offset += Int64(found)
        }
    }
}
