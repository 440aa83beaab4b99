package import Codec

/// The files of an archive: `NAME.tar.gz` or what its codec gives it, `NAME.index.tsv.gz`, `NAME.sha256`.
package struct ArchiveName: Hashable, Sendable, CustomStringConvertible {
    package static let indexSuffix = ".index.tsv.gz"
    package static let digestSuffix = ".sha256"

    /// The path without a suffix: `acme/2026/11/20/web1`.
    package let base: String
    package let codec: MemberCodec

    package init(_ base: String, _ codec: MemberCodec = .gzip) {
        self.base = base
        self.codec = codec
    }

    package var archive: String { base + codec.suffix }
    package var index: String { base + Self.indexSuffix }
    package var digests: String { base + Self.digestSuffix }
    package var description: String { base }

    /// The directories and the last component of a path.
    package static func split(_ path: String) -> (directories: [String], name: String) {
        let parts = path.split(separator: "/").map(String.init)
        return (Array(parts.dropLast()), parts.last ?? path)
    }

    /// The name of an archive's file, or nothing for another kind of file.
    package init?(ofArchive path: String) {
        guard let codec = MemberCodec(ofName: path) else { return nil }
        self.init(String(path.dropLast(codec.suffix.utf8.count)), codec)
    }
}
