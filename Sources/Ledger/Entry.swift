package import Codec
package import Platform

/// One file or object: its key and its metadata.
package struct Entry: Sendable, Equatable {
    /// The path below the source's root; a directory's ends with a slash, so that byte order keeps trees together.
    package var key: ByteString
    package var kind: EntryKind
    /// Bytes of content; 0 for anything but a file.
    package var size: Int64
    package var modified: Timestamp
    /// Permission bits.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// Where a symbolic link points, or the key that holds a hard link's bytes; empty otherwise.
    package var link: ByteString
    /// What a store says of an object's content, without quotes; empty for a file.
    package var etag = ""
    /// The version of an object in a bucket that keeps several; empty otherwise.
    package var version = ""

    package init(
        key: ByteString, kind: EntryKind, size: Int64, modified: Timestamp, mode: UInt32, uid: UInt32, gid: UInt32,
        link: ByteString = ByteString()
    ) {
        self.key = key
        self.kind = kind
        self.size = size
        self.modified = modified
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.link = link
    }

    /// What decides "same content": size and mtime of files, written `size:seconds.nanoseconds`; the ETag of objects, and
    /// the version where there is one, written `etag:ETAG:VERSION`.
    package func writeIdentity(to writer: inout RowWriter) {
        guard etag.isEmpty else {
            return writer.field("etag:\(etag)" + (version.isEmpty ? "" : ":\(version)"))
        }
        writer.field(size)
        writer.append(ascii: ":")
        writer.append(modified)
    }

    /// Whether `held` has the same content as this entry, as far as kind, size, mtime and link tell.
    ///
    /// - Parameters:
    ///   - held: the entry as it was kept earlier.
    ///   - wholeSeconds: true when one side keeps whole seconds only; the coarser resolution decides.
    /// - Returns: true when all of them are the same.
    package func hasSameContent(as held: Entry, wholeSeconds: Bool = false) -> Bool {
        if !etag.isEmpty || !held.etag.isEmpty { return etag == held.etag && size == held.size }
        guard kind == held.kind, size == held.size, link == held.link else { return false }
        return wholeSeconds ? modified.seconds == held.modified.seconds : modified == held.modified
    }

    /// Reads what ``writeIdentity(to:)`` writes of an object; what stands there of a file is in other columns, too.
    package mutating func readIdentity(_ text: String) {
        guard text.hasPrefix("etag:") else { return }
        let parts = text.dropFirst("etag:".utf8.count).split(
            separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        etag = String(parts[0])
        version = parts.count > 1 ? String(parts[1]) : ""
    }
}
