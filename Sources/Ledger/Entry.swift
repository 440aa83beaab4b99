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
    /// The ETag that an object has at its source, without quotes; empty for a file.
    package var etag = ""
    /// The version of the object, where its bucket keeps several; empty otherwise.
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

    /// What decides "same content": size and mtime of a file, written `size:seconds.nanoseconds`; ETag and version of an
    /// object, written `etag:ETAG` or `etag:ETAG:VERSION`.
    package func writeIdentity(to writer: inout RowWriter) {
        guard etag.isEmpty else {
            writer.field(version.isEmpty ? "etag:\(etag)" : "etag:\(etag):\(version)")
            return
        }
        writer.field(size)
        writer.append(ascii: ":")
        writer.append(modified)
    }

    /// Reads the identity of an object; that of a file is made of what stands in other columns.
    mutating func readIdentity(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count > 1, parts[0] == "etag" else { return }
        etag = String(parts[1])
        version = parts.count > 2 ? String(parts[2]) : ""
    }

    /// Whether `held` has the same content as this entry, as far as kind, size, mtime and link tell.
    ///
    /// - Parameters:
    ///   - held: the entry as it was kept earlier.
    ///   - wholeSeconds: true when one side keeps whole seconds only; the coarser resolution decides.
    /// - Returns: true when all of them are the same.
    package func hasSameContent(as held: Entry, wholeSeconds: Bool = false) -> Bool {
        guard kind == held.kind, size == held.size, link == held.link else { return false }
        return wholeSeconds ? modified.seconds == held.modified.seconds : modified == held.modified
    }
}
