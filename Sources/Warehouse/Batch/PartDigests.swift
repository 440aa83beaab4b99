package import Codec
import Ledger
package import Platform
package import Vault

/// The part table of a file that has none yet.
package enum PartDigests {
    /// What a file must hold when it is put into a vault: in parts where one request is not enough.
    ///
    /// - Parameters:
    ///   - source: the file.
    ///   - sha256: what is known of the whole.
    /// - Returns: size, digest, and the parts with theirs.
    /// - Throws: `damaged` when the file has another digest.
    package static func content(of source: any RangedSource, sha256: Digest256) throws(Fault) -> ExpectedContent {
        let partSize = try PartTable.partSize(forTar: source.size)
        var whole = SHA256Hasher()
        var digests: [Digest256] = []
        let buffer = Buffer(capacity: 1 << 20)
        var offset: Int64 = 0
        while offset < source.size {
            let end = min(source.size, offset + partSize)
            var part = SHA256Hasher()
            while offset < end {
                try Shutdown.check()
                let wanted = Int(min(Int64(buffer.bytes.count), end - offset))
                let count = try source.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted]), at: offset)
                guard count > 0 else {
                    throw Fault(.changed, "\(source.name): ends at \(offset) of \(source.size) bytes")
                }
                let piece = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
                whole.update(piece)
                part.update(piece)
                offset += Int64(count)
            }
            digests.append(part.finish())
        }
        let found = whole.finish()
        guard found == sha256 else {
            throw Fault(.damaged, "\(source.name): has SHA-256 \(found), recorded is \(sha256)")
        }
        let parts = digests.count > 1 ? PartTable(partSize: partSize, digests: digests) : nil
        return ExpectedContent(size: source.size, sha256: found, parts: parts)
    }
}
