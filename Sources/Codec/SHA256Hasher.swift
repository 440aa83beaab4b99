import Crypto
package import Platform

/// Computes a SHA-256 digest piece by piece.
package struct SHA256Hasher: Sendable {
    private var state = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { state.update(bufferPointer: bytes) }

    package func finish() -> Digest256 { state.finalize().withUnsafeBytes { Digest256(bytes: $0) } }

    /// The digest of bytes in memory.
    package static func digest(of bytes: [UInt8]) -> Digest256 {
        var hasher = SHA256Hasher()
        bytes.withUnsafeBytes { hasher.update($0) }
        return hasher.finish()
    }

    /// The digest of a whole source, read in order.
    ///
    /// - Throws: what the source throws, and `interrupted` after a signal.
    package static func digest(of source: any RangedSource) throws(Fault) -> Digest256 {
        let buffer = Buffer(capacity: 1 << 20)
        var hasher = SHA256Hasher()
        var offset: Int64 = 0
        while offset < source.size {
            try Shutdown.check()
            let count = try source.read(into: buffer.bytes, at: offset)
            guard count > 0 else { throw Fault(.changed, "\(source.name): ends at \(offset) of \(source.size) bytes") }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
            offset += Int64(count)
        }
        return hasher.finish()
    }
}
