import Codec

/// The digests of an archive that is written or read from front to back: of the whole, and of each upload part.
final class ArchiveDigests {
    private let partSize: Int64
    private var wholeHasher = SHA256Hasher()
    private var partHasher = SHA256Hasher()
    private var fill: Int64 = 0
    private(set) var parts: [Digest256] = []
    /// Known once it is finished.
    private(set) var whole = Digest256.zero

    /// - Parameter partSize: bytes of a part; the greatest number computes none.
    init(partSize: Int64) { self.partSize = partSize }

    func update(_ bytes: UnsafeRawBufferPointer) {
        wholeHasher.update(bytes)
        if partSize == .max { return }
        var rest = bytes
        while !rest.isEmpty {
            let count = Int(min(Int64(rest.count), partSize - fill))
            partHasher.update(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            fill += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if fill == partSize { endPart() }
        }
    }

    private func endPart() {
        parts.append(partHasher.finish())
        partHasher = SHA256Hasher()
        fill = 0
    }

    /// Completes the digests.
    func finish() {
        if fill > 0 { endPart() }
        whole = wholeHasher.finish()
    }
}
