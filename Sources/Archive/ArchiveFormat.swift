package import Codec
package import Platform

/// How the tar of an archive is compressed, told by its first bytes.
///
/// The name matters where these say nothing: zeros are an empty tar, or what is left of lost blocks of a disk.
package enum ArchiveFormat: String, Sendable {
    case gzip, xz, zstd
    /// Not compressed.
    case tar

    package init(_ codec: MemberCodec) {
        switch codec {
        case .gzip: self = .gzip
        case .xz: self = .xz
        case .none: self = .tar
        }
    }

    /// - Returns: nothing for a file that is none of them.
    /// - Throws: what the source throws.
    package init?(of source: any RangedSource) throws(Fault) {
        let start = Buffer(capacity: 512)
        while start.count < start.capacity {
            let rest = UnsafeMutableRawBufferPointer(rebasing: start.bytes[start.count...])
            let count = try source.read(into: rest, at: Int64(start.count))
            if count == 0 { break }
            start.count += count
        }
        let bytes = start.contents
        if bytes.starts(with: [0x1F, 0x8B]) {
            self = .gzip
        } else if bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
            self = .xz
        } else if bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) || Self.isSkippableFrame(bytes) {
            self = .zstd
        } else if bytes.count == 512, Self.isTarHeader(bytes) {
            self = .tar
        } else if bytes.count == 512, bytes.allSatisfy({ $0 == 0 }), !Self.isNamedCompressed(source.name) {
            self = .tar
        } else {
            return nil
        }
    }

    private static func isNamedCompressed(_ name: String) -> Bool {
        [".gz", ".tgz", ".xz", ".txz", ".zst", ".tzst"].contains { name.hasSuffix($0) }
    }

    /// RFC 8878, 3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian.
    private static func isSkippableFrame(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 4 && bytes[0] & 0xF0 == 0x50 && bytes[1...3].elementsEqual([0x2A, 0x4D, 0x18])
    }

    /// Whether the checksum is right (POSIX.1-1988 ustar and what was before it): the sum of all bytes, those of the field
    /// itself taken as spaces.
    private static func isTarHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let field = 148..<156
        var sum = 0
        for index in bytes.indices { sum += field.contains(index) ? 0x20 : Int(bytes[index]) }
        var expected = 0
        for byte in bytes[field].drop(while: { $0 == 0x20 }) {
            guard (0x30...0x37).contains(byte) else { break }
            expected = expected * 8 + Int(byte - 0x30)
        }
        return sum == expected
    }
}
