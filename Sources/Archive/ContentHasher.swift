import Codec
import Platform

/// The digest of content that comes in pieces with holes between them, and the check that they follow each other.
struct ContentHasher {
    private var hasher = SHA256Hasher()
    private var isHashed = true
    /// Bytes of a hole that are hashed, at the most.
    ///
    /// Zeros are hashed one by one, which takes hours; to write such a hole into a tar costs nothing.
    static let largestHole: Int64 = 16 << 40
    private(set) var size: Int64 = 0
    private static let zeros = [UInt8](repeating: 0, count: 1 << 20)

    init(isHashed: Bool = true) { self.isHashed = isHashed }

    mutating func add(_ piece: UnsafeRawBufferPointer, at offset: Int64, _ name: ByteString) throws(Fault) {
        try end(at: offset, name)
        if isHashed { hasher.update(piece) }
        size = offset + Int64(piece.count)
    }

    /// Counts a hole up to `offset`.
    mutating func end(at offset: Int64, _ name: ByteString) throws(Fault) {
        guard offset >= size else { throw Fault(.damaged, "'\(name)': content goes backwards or beyond its size") }
        if !isHashed {
            size = offset
            return
        }
        guard offset - size <= Self.largestHole else {
            throw Fault(.limit, "'\(name)': a hole of \(offset - size) bytes, more than can be proved in a day")
        }
        while size < offset {
            try Shutdown.check()
            let count = Int(min(Int64(Self.zeros.count), offset - size))
            Self.zeros.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            size += Int64(count)
        }
    }

    func finish() -> Digest256 { hasher.finish() }
}
