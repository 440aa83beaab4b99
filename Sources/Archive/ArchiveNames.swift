import Platform

/// The names in an archive so far, and which of them can't stand beside each other: two that are the same, unless both are
/// directories, and a file or link that another name has as a directory.
struct ArchiveNames {
    /// A path that is perhaps taken already.
    enum Taken: Equatable {
        /// By another entry that is no directory.
        case same(ByteString)
        /// As a directory, and now a file or link comes.
        case directory(ByteString)
        /// By a file or link, and now it is needed as a directory.
        case file(ByteString)

        var path: ByteString {
            switch self {
            case .same(let path), .directory(let path), .file(let path): path
            }
        }

        var words: String { if case .same = self { "twice" } else { "as a file and as a directory" } }

        /// Whether an earlier entry is the one that has the path.
        func isMeant(by name: ByteString, isDirectory: Bool) -> Bool {
            let plain = ArchiveNames.plain(name)
            switch self {
            case .same(let path), .file(let path): return !isDirectory && plain == path
            case .directory(let path): return plain.hasPrefix(path + "/") || (isDirectory && plain == path)
            }
        }
    }

    /// Files and links.
    private var files = NameSet()
    /// Directories that are entries themselves, or that an entry lies in.
    private var directories = NameSet()
    private var parent: ArraySlice<UInt8> = []

    /// Adds the name of an entry, and says what is perhaps in its way; nearly always nothing.
    ///
    /// Several hosts may bring one directory: a tar may name it more than once.
    mutating func add(_ name: ByteString, isDirectory: Bool) -> [Taken] {
        let path = Self.plain(name)
        var taken: [Taken] = []
        if isDirectory {
            directories.insert(path)
            if files.contains(path) { taken.append(.file(path)) }
        } else {
            if files.insert(path) { taken.append(.same(path)) }
            if directories.contains(path) { taken.append(.directory(path)) }
        }
        let slash = UInt8(ascii: "/")
        let above = path.bytes[..<(path.bytes.lastIndex(of: slash) ?? 0)]
        // Names come in order: most have the parent of the one before.
        if above == parent { return taken }
        parent = above
        for end in above.indices.filter({ above[$0] == slash }) + [above.endIndex] where end > 0 {
            let way = ByteString(above[..<end])
            directories.insert(way)
            if files.contains(way) { taken.append(.file(way)) }
        }
        return taken
    }

    private static func plain(_ name: ByteString) -> ByteString {
        name.hasSuffix(UInt8(ascii: "/")) ? ByteString(name.bytes.dropLast()) : name
    }
}
