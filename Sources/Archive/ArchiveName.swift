/// The files of an archive: `NAME.tar.gz`, `NAME.index.tsv.gz`, `NAME.sha256`.
package struct ArchiveName: Hashable, Sendable, CustomStringConvertible {
    package static let archiveSuffix = ".tar.gz"
    package static let indexSuffix = ".index.tsv.gz"
    package static let digestSuffix = ".sha256"

    /// The path without a suffix: `acme/2026/11/20/web1`.
    package let base: String

    package init(_ base: String) { self.base = base }

    package var archive: String { base + Self.archiveSuffix }
    package var index: String { base + Self.indexSuffix }
    package var digests: String { base + Self.digestSuffix }
    package var description: String { base }

    /// The directories and the last component of a path.
    package static func split(_ path: String) -> (directories: [String], name: String) {
        let parts = path.split(separator: "/").map(String.init)
        return (Array(parts.dropLast()), parts.last ?? path)
    }

    /// The name of an archive file without its directories and suffix, or nothing for another kind of file.
    package static func base(ofArchive path: String) -> String? {
        path.hasSuffix(archiveSuffix) ? String(path.dropLast(archiveSuffix.utf8.count)) : nil
    }
}
