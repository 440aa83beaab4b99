package import Codec
package import Ledger
package import Platform

/// The index of an archive: what it is, its members, its entries and its upload parts.
///
/// A gzip'd TSV of four tables, each behind a line that begins with `#`: `#coldchain-index 1` (words and values),
/// `#members`, `#entries`, `#parts`. Entries stand in the order of the tar and are read as a stream; the rest is small.
package struct ArchiveIndex: Sendable {
    package static let version = 1

    /// The words and values of the first table.
    ///
    /// An index without the word `codec` is of an archive of gzip members.
    package struct Header: Sendable, Equatable {
        package var tool = ""
        package var job = ""
        package var run = ""
        package var tenant = ""
        /// The archive's name without suffix.
        package var archive = ""
        /// Bytes of the archive.
        package var size: Int64 = 0
        /// Its SHA-256.
        package var sha256 = Digest256.zero
        /// Bytes of the tar inside.
        package var tarSize: Int64 = 0
        package var entries: Int64 = 0
        package var codec = MemberCodec.gzip
        /// What made the members.
        ///
        /// An index without the word is older than the choice: libdeflate did.
        package var madeBy = MemberLibrary.libdeflate
        /// The name of the entry that lists the digests of the others, `MANIFEST.sha256`.
        package var digestEntry = ByteString()
        package var partSize: Int64 = 0

        package init() {}
    }

    /// A member: its place in the archive, and the place of its content in the tar.
    package struct Member: Sendable, Equatable {
        package var offset: Int64
        package var length: Int64
        package var tarOffset: Int64
        package var tarLength: Int64
    }

    /// One entry of the tar.
    package struct Row: Sendable, Equatable {
        /// The entry with its name in the tar as key, and as link what the tar has.
        package var entry: Entry
        package var sha256: Digest256?
        package var host: String
        /// The key on the host.
        package var key: ByteString
        /// The compressed range of the members that cover the entry.
        package var range: Range<Int64>
        /// Bytes of tar in the first of these members before the entry's header.
        package var skip: Int64
    }

    package var header = Header()
    /// Empty where the index was read without the archive.
    package var members: [Member] = []
    package var parts = PartTable(partSize: 0)

    package init() {}

    static let entryColumns = [
        "entry", "type", "size", "modified", "mode", "uid", "gid", "link", "sha256", "host", "key", "offset", "length",
        "skip",
    ]
}

extension Digest256 {
    /// All zeros: no digest yet.
    package static let zero = Digest256(hex: Array(repeating: UInt8(ascii: "0"), count: 64)) ?? SHA256Hasher().finish()
}
