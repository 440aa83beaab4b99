package import Codec
package import Platform

/// A tree of files as a value: what one tree must be to equal another, wherever both lie.
package struct FileTree: Equatable, Sendable {
    /// What is known of one path.
    package struct Entry: Equatable, Sendable {
        package var kind: FileStatus.Kind
        package var mode: UInt32
        package var uid: UInt32
        package var gid: UInt32
        package var modified: Timestamp
        /// Bytes of content; 0 for all but files.
        package var size: Int64
        /// The digest of the content; nothing for all but files.
        package var sha256: Digest256?
        /// Where a symbolic link points.
        package var target: ByteString?
        /// The first path, in byte order, of the same file; nothing for a file with one name in this tree.
        package var linkedTo: ByteString?
        /// Whether the file has holes.
        package var isSparse: Bool
    }

    /// What a comparison looks at beside kind, content and link target.
    package struct Aspects: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        package static let mode = Aspects(rawValue: 1)
        package static let owner = Aspects(rawValue: 2)
        package static let fileTimes = Aspects(rawValue: 4)
        package static let directoryTimes = Aspects(rawValue: 8)
        /// Compare times by whole seconds.
        package static let wholeSeconds = Aspects(rawValue: 16)
        package static let hardLinks = Aspects(rawValue: 32)
        package static let holes = Aspects(rawValue: 64)
        package static let linkTimes = Aspects(rawValue: 128)
        /// All that a faithful copy keeps; holes are up to the file system.
        package static let faithful: Aspects = [.mode, .owner, .fileTimes, .directoryTimes, .linkTimes, .hardLinks]
    }

    /// The entries by path; a directory's path has no slash at its end.
    package var entries: [ByteString: Entry]

    /// Reads the tree below `path`, which is not an entry itself; links are not followed.
    package init(_ path: String) throws {
        entries = [:]
        var identities: [[UInt64]: [ByteString]] = [:]
        try read(try Directory.open(path), "", &identities)
        for group in identities.values where group.count > 1 {
            let first = group.min()
            for path in group { entries[path]?.linkedTo = first }
        }
    }

    package var paths: [ByteString] { entries.keys.sorted() }

    private mutating func read(
        _ directory: Directory, _ prefix: ByteString, _ identities: inout [[UInt64]: [ByteString]]
    ) throws {
        for name in try directory.names() {
            let path = prefix.isEmpty ? name : prefix + "/" + name
            let status = try directory.status(name)
            var entry = Entry(
                kind: status.kind, mode: status.mode, uid: status.uid, gid: status.gid, modified: status.modified,
                size: 0, isSparse: false)
            switch status.kind {
            case .file:
                entry.size = status.size
                entry.isSparse = status.allocated < status.size
                entry.sha256 = try SHA256Hasher.digest(of: FileSource(try directory.openFile(name)))
            case .symlink: entry.target = try directory.readLink(name)
            case .directory: try read(try directory.directory(name), path, &identities)
            default: break
            }
            if status.links > 1 && status.kind != .directory {
                identities[[status.device, status.inode], default: []].append(path)
            }
            entries[path] = entry
        }
    }

    /// One line for each difference, in the order of the paths; empty when the trees are the same.
    ///
    /// - Parameters:
    ///   - other: the tree that should be the same as this one.
    ///   - aspects: what counts beside kind, content and link target.
    /// - Returns: the lines, `-` missing, `+` not expected, `~` different.
    package func differences(to other: FileTree, _ aspects: Aspects = .faithful) -> [String] {
        Set(entries.keys).union(other.entries.keys).sorted().compactMap { path in
            guard let old = entries[path] else { return "+ \(path): not expected" }
            guard let new = other.entries[path] else { return "- \(path): missing" }
            let words = FileTree.words(old, new, aspects)
            return words.isEmpty ? nil : "~ \(path): " + words.joined(separator: ", ")
        }
    }

    private static func words(_ old: Entry, _ new: Entry, _ aspects: Aspects) -> [String] {
        guard old.kind == new.kind else { return ["\(old.kind) is now a \(new.kind)"] }
        var words: [String] = []
        func compare<V: Equatable>(_ name: String, _ a: V, _ b: V, when wanted: Bool = true) {
            if wanted && a != b { words.append("\(name) \(a), got \(b)") }
        }
        compare("size", old.size, new.size)
        if old.size == new.size && old.sha256 != new.sha256 { words.append("content differs") }
        compare("target", old.target?.description ?? "", new.target?.description ?? "")
        // A link has no mode of its own.
        compare(
            "mode", String(old.mode, radix: 8), String(new.mode, radix: 8),
            when: aspects.contains(.mode) && old.kind != .symlink)
        compare("owner", "\(old.uid):\(old.gid)", "\(new.uid):\(new.gid)", when: aspects.contains(.owner))
        let timed: Aspects =
            switch old.kind {
            case .directory: .directoryTimes
            case .symlink: .linkTimes
            default: .fileTimes
            }
        let isWhole = aspects.contains(.wholeSeconds)
        func time(_ moment: Timestamp) -> String {
            "\(moment.seconds)" + (isWhole ? "" : ".\(moment.nanoseconds)")
        }
        compare("time", time(old.modified), time(new.modified), when: aspects.contains(timed))
        compare(
            "linked to", old.linkedTo?.description ?? "nothing", new.linkedTo?.description ?? "nothing",
            when: aspects.contains(.hardLinks))
        compare("holes", old.isSparse, new.isSparse, when: aspects.contains(.holes))
        return words
    }
}
