package import Codec
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

    /// Copies all of it into a file without a name, for what is read more than once.
    ///
    /// - Parameter directory: a local one.
    /// - Returns: the file, and the digest of what was copied.
    /// - Throws: as ``forEachPiece(length:using:_:)``, and the system's fault for the file.
    package func copied(to directory: Directory) throws(Fault) -> (file: FileSource, sha256: Digest256) {
        let file = try directory.unnamedFile()
        var hasher = SHA256Hasher()
        let buffer = Buffer(capacity: Int(max(1, min(size, 1 << 20))))
        try forEachPiece(length: size, using: buffer) { piece throws(Fault) in
            hasher.update(piece)
            try file.write(piece)
        }
        return (try FileSource(file), hasher.finish())
    }
}
