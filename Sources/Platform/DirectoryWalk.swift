import Glibc

/// Walks a tree in the order of its path bytes, below a directory descriptor, never following a link.
///
/// A directory's path ends with a slash, so that the order of the walk is the byte order of the paths:
/// `a-b` before `a/` before `a/b`. Memory is the names of the directories on the way down, packed.
package struct DirectoryWalk {
    /// One step of the walk.
    package struct Step {
        /// The path below the top; with a trailing slash for a directory, and for what the listing gave as one.
        package let path: ByteString
        package let name: ByteString
        /// Where the name lies.
        package let parent: Directory
        /// What it is, or why that can't be known.
        package let status: Result<FileStatus, Fault>
    }

    /// The bounds beyond which a walk stops with a `limit` fault: no tree is trusted.
    package struct Limits: Sendable {
        package var depth = 4_096
        package var entries = 50_000_000
        package init() {}
    }

    private struct Level {
        let directory: Directory
        let pathLength: Int
        var names: SortedNames
    }

    private var stack: [Level] = []
    private var path: [UInt8] = []
    private var pending: (directory: ByteString, parent: Directory, step: FileStatus)?
    private var entries = 0
    private let limits: Limits

    /// Starts below `top`; the top itself is not a step.
    package init(_ top: Directory, limits: Limits = Limits()) throws(Fault) {
        self.limits = limits
        stack.append(Level(directory: top, pathLength: 0, names: try SortedNames(of: top)))
    }

    /// Does not go below the directory of the last step.
    package mutating func passOver() { pending = nil }

    /// The next step, or nothing at the end.
    ///
    /// A directory that can't be read gives a step of its own whose status is the fault; the walk goes on behind it.
    package mutating func next() throws(Fault) -> Step? {
        if let (name, parent, _) = pending {
            pending = nil
            let below: Directory
            let names: SortedNames
            do {
                below = try parent.directory(name)
                names = try SortedNames(of: below)
            } catch {
                return Step(path: ByteString(bytes: path), name: name, parent: parent, status: .failure(error))
            }
            guard stack.count < limits.depth else {
                throw Fault(.limit, "\(below.path): more than \(limits.depth) directories deep")
            }
            stack.append(Level(directory: below, pathLength: path.count, names: names))
        }
        while let last = stack.indices.last {
            guard let (name, hinted) = stack[last].names.next() else {
                stack.removeLast()
                continue
            }
            entries += 1
            let level = stack[last]
            guard entries <= limits.entries else {
                throw Fault(.limit, "\(level.directory.path): more than \(limits.entries) entries in one tree")
            }
            path.removeSubrange(level.pathLength...)
            path.append(contentsOf: name.bytes)
            let status: FileStatus
            do { status = try level.directory.status(name) } catch {
                if hinted { path.append(UInt8(ascii: "/")) }
                return Step(path: ByteString(bytes: path), name: name, parent: level.directory, status: .failure(error))
            }
            // The order was made from the type that readdir gave; a name that has become a directory since then, or is
            // one no longer, would break it.
            guard (status.kind == .directory) == hinted else {
                if hinted { path.append(UInt8(ascii: "/")) }
                let fault = Fault(.changed, "\(level.directory.path(of: name)): changed its type during the walk")
                return Step(path: ByteString(bytes: path), name: name, parent: level.directory, status: .failure(fault))
            }
            if status.kind == .directory {
                path.append(UInt8(ascii: "/"))
                pending = (name, level.directory, status)
            }
            return Step(
                path: ByteString(bytes: path), name: name, parent: level.directory, status: .success(status))
        }
        return nil
    }
}

/// The names of one directory in walking order, packed into one buffer: a million of them cost their bytes and 8 each.
private struct SortedNames {
    private var arena: [UInt8] = []
    private var starts: [UInt32] = []
    private var position = 0

    init(of directory: Directory) throws(Fault) {
        var arena: [UInt8] = []
        var starts: [UInt32] = []
        var unknown = false
        // The type comes first, then the name with a slash behind a directory, then NUL: memcmp order is walking order.
        try directory.forEachName { name, type in
            starts.append(UInt32(truncatingIfNeeded: arena.count))
            if type == UInt8(DT_UNKNOWN) { unknown = true }
            arena.append(contentsOf: UnsafeRawBufferPointer(start: name, count: strlen(name)))
            if type == UInt8(DT_DIR) { arena.append(UInt8(ascii: "/")) }
            arena.append(0)
        }
        guard arena.count < Int(UInt32.max) else {
            throw Fault(.limit, "\(directory.path): more than 4 GiB of names in one directory")
        }
        if unknown { (arena, starts) = try SortedNames.settled(arena, starts, directory) }
        arena.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            starts.sort {
                strcmp(
                    (base + Int($0)).assumingMemoryBound(to: CChar.self),
                    (base + Int($1)).assumingMemoryBound(to: CChar.self)) < 0
            }
        }
        self.arena = arena
        self.starts = starts
    }

    /// Some file systems leave d_type empty (readdir(3)): ask for each.
    private static func settled(_ arena: [UInt8], _ starts: [UInt32], _ directory: Directory) throws(Fault)
        -> ([UInt8], [UInt32])
    {
        var settled: [UInt8] = []
        var newStarts: [UInt32] = []
        for start in starts {
            var name = Array(arena[Int(start)...].prefix { $0 != 0 })
            if name.last == UInt8(ascii: "/") { name.removeLast() }
            newStarts.append(UInt32(truncatingIfNeeded: settled.count))
            settled += name
            if let status = try? directory.status(ByteString(bytes: name)), status.kind == .directory {
                settled.append(UInt8(ascii: "/"))
            }
            settled.append(0)
        }
        return (settled, newStarts)
    }

    mutating func next() -> (name: ByteString, isDirectory: Bool)? {
        guard position < starts.count else { return nil }
        let start = Int(starts[position])
        position += 1
        var end = start
        while arena[end] != 0 { end += 1 }
        let isDirectory = arena[end - 1] == UInt8(ascii: "/")
        return (ByteString(bytes: Array(arena[start..<(isDirectory ? end - 1 : end)])), isDirectory)
    }
}
