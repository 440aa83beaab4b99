package import Ledger
package import Platform

/// An entry as a walk found it, with what the tree needs to open it.
package struct TreeEntry: Sendable {
    package var entry: Entry
    /// Why the entry, or the inside of a directory, can't be known.
    package var fault: Fault?
    /// Nothing where the tree has no inodes.
    package var identity: FileIdentity?
    /// The number of names of the file, in this tree or elsewhere.
    package var links: UInt32
    /// What the tree wants to find again when the entry is opened.
    package var locator: (any AnyObject & Sendable)?

    package init(
        _ entry: Entry, fault: Fault? = nil, identity: FileIdentity? = nil, links: UInt32 = 1,
        locator: (any AnyObject & Sendable)? = nil
    ) {
        self.entry = entry
        self.fault = fault
        self.identity = identity
        // Some user-space file systems say 0.
        self.links = max(1, links)
        self.locator = locator
    }

    /// An entry of which nothing but the name is known.
    package init(unknown key: ByteString, _ fault: Fault) {
        self.init(
            Entry(
                key: key, kind: key.hasSuffix(UInt8(ascii: "/")) ? .directory : .unknown, size: 0,
                modified: Timestamp(seconds: 0), mode: 0, uid: 0, gid: 0),
            fault: fault)
    }

    /// Refuses keys that no walk of a file system can give: no answer of a host is trusted.
    ///
    /// - Throws: `damaged` for an impossible key, size or time, `limit` for one that no list could hold.
    func check(in tree: String) throws(Fault) {
        // Three such fields fit into the longest row that is read back, even if each byte is written as four.
        let limit = 256 << 10
        guard entry.key.count <= limit, entry.link.count <= limit else {
            throw Fault(.limit, "\(tree): a path or link target of more than \(limit) bytes")
        }
        guard entry.size >= 0, entry.modified.nanoseconds < 1_000_000_000, TreeEntry.isPossible(entry.key.bytes) else {
            throw Fault(.damaged, "\(tree): gives an impossible entry '\(entry.key)' of \(entry.size) bytes")
        }
    }

    /// Whether each component is a name, which is not empty, has no NUL and is neither `.` nor `..`.
    ///
    /// One slash may stand at the end.
    private static func isPossible(_ key: [UInt8]) -> Bool {
        let (slash, dot) = (UInt8(ascii: "/"), UInt8(ascii: "."))
        var length = 0
        var dots = 0
        for byte in key {
            if byte == slash {
                if length == 0 || (length == dots && dots <= 2) { return false }
                (length, dots) = (0, 0)
            } else {
                if byte == 0 { return false }
                length += 1
                if byte == dot { dots += 1 }
            }
        }
        if length == 0 { return !key.isEmpty }
        return !(length == dots && dots <= 2)
    }
}

extension Fault {
    /// The reason under which an entry is skipped that could not be read for this fault; nothing when the fault concerns
    /// more than one entry.
    var skipReason: String? {
        switch code {
        case .notFound: "vanished"
        case .permission: "unreadable"
        case .changed: "changed"
        case .io, .damaged, .unsupported: "read-error"
        default: nil
        }
    }
}
