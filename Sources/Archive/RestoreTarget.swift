package import Codec
import Glibc
package import Ledger
package import Platform

/// The directory into which entries are restored.
///
/// Nothing ever leaves it: each name is taken one step at a time below its descriptor, no link is followed, and `..` is
/// refused.
///
/// A file appears whole or not at all. What is there already is kept when it has the same content, and refused when not,
/// unless overwriting is asked for; so a restore can be run again. Several threads may restore into one.
package final class RestoreTarget: Sendable {
    let root: Directory
    private let overwrites: Bool
    private let keepsSetID: Bool
    private let isRoot = geteuid() == 0

    /// What was done, and where names are being made: everything but the content of files happens under its lock.
    struct State {
        var parentPath: [ByteString] = []
        var parent: Directory
        var directories: [(path: [ByteString], entry: Entry)] = []
        /// Directories that were made on the way to an entry, and have not come as entries themselves.
        var madeUp: Set<[ByteString]> = []
        /// Directories that were made as entries: a second host or archive may bring them again.
        var made: Set<[ByteString]> = []
        var restored: Int64 = 0
        var kept: Int64 = 0
        var bytes: Int64 = 0
        var clearedSetID: Int64 = 0
    }
    let state: Monitor<State>

    /// Entries that were made.
    package var restored: Int64 { state.with { $0.restored } }
    /// What was there already with the same content.
    package var kept: Int64 { state.with { $0.kept } }
    package var bytes: Int64 { state.with { $0.bytes } }
    /// Files that came without the setuid or setgid bit that their entry has.
    package var clearedSetID: Int64 { state.with { $0.clearedSetID } }

    /// - Parameters:
    ///   - root: where everything goes.
    ///   - overwrites: whether a file that is there already with another content is replaced.
    ///   - keepsSetID: whether files get setuid and setgid bits. Of an archive that is not known to be our own, they
    ///     would let a stranger's program run with the rights of whoever extracts it.
    package init(_ root: Directory, overwrites: Bool = false, keepsSetID: Bool = true) {
        self.root = root
        self.overwrites = overwrites
        self.keepsSetID = keepsSetID
        state = Monitor(State(parent: root))
    }

    /// The names on the way to an entry, checked.
    ///
    /// - Throws: `damaged` for a name that would lead outside.
    package static func components(_ name: ByteString) throws(Fault) -> [ByteString] {
        let parts = name.components.filter { $0 != "." }
        guard !parts.contains(".."), !name.bytes.contains(0) else {
            throw Fault(.damaged, "'\(name)': leads outside of the target directory, refused")
        }
        return parts
    }

    /// Opens the directory at `path`.
    ///
    /// What is missing on the way is made as mkdir(1) and tar(1) make it, with the modes that the umask leaves: whoever
    /// may read an entry can reach it. A directory that is an entry itself gets its own in ``finish(isComplete:)``.
    private func enter(_ path: [ByteString], _ state: inout State) throws(Fault) -> Directory {
        if path == state.parentPath { return state.parent }
        var current = root
        for (depth, name) in path.enumerated() {
            do { current = try current.directory(name) } catch {
                guard error.code == .notFound, try !current.exists(name) else { throw error }
                try current.makeDirectory(name, mode: 0o777)
                state.madeUp.insert(Array(path[...depth]))
                current = try current.directory(name)
            }
        }
        (state.parent, state.parentPath) = (current, path)
        return current
    }

    func place(_ name: ByteString, _ state: inout State) throws(Fault) -> (Directory, ByteString) {
        let path = try Self.components(name)
        guard let leaf = path.last else { throw Fault(.damaged, "'\(name)': names nothing") }
        return (try enter(path.dropLast(), &state), leaf)
    }

    /// Makes a directory now; its mode and time come last, in ``finish(isComplete:)``.
    package func makeDirectory(_ name: ByteString, _ entry: Entry) throws(Fault) {
        let path = try Self.components(name)
        guard let leaf = path.last else { return }
        try state.with { (state: inout State) throws(Fault) in
            let directory = try enter(path.dropLast(), &state)
            if try directory.exists(leaf) {
                if try directory.status(leaf).kind == .directory {
                    if state.madeUp.remove(path) != nil { state.made.insert(path) }
                    if state.made.contains(path) { state.restored += 1 } else { state.kept += 1 }
                    state.directories.append((path, entry))
                    return
                }
                try clear(leaf, in: directory)
            }
            try directory.makeDirectory(leaf)
            state.made.insert(path)
            state.directories.append((path, entry))
            state.restored += 1
        }
    }

    package func makeSymlink(_ name: ByteString, _ entry: Entry) throws(Fault) {
        try state.with { (state: inout State) throws(Fault) in
            let (directory, leaf) = try place(name, &state)
            if try directory.exists(leaf) {
                if try directory.status(leaf).kind == .symlink, try directory.readLink(leaf) == entry.link {
                    state.kept += 1
                    return
                }
                try clear(leaf, in: directory)
            }
            try directory.makeLink(leaf, to: entry.link)
            try settle(leaf, in: directory, entry)
            state.restored += 1
        }
    }

    /// Makes `name` a further name of what was restored as `existing`.
    ///
    /// A file of its own that has the content of `size` bytes already is kept.
    package func makeHardLink(
        _ name: ByteString, to existing: ByteString, size: Int64 = 0, expected: Digest256? = nil
    ) throws(Fault) {
        let target = try Self.components(existing)
        guard let targetLeaf = target.last else { throw Fault(.damaged, "'\(existing)': names nothing") }
        try state.with { (state: inout State) throws(Fault) in
            let other = try root.descend(target.dropLast())
            guard try other.status(targetLeaf).kind == .file else {
                throw Fault(.damaged, "'\(name)': a hard link to '\(existing)', which is no file, refused")
            }
            let (directory, leaf) = try place(name, &state)
            if try directory.exists(leaf) {
                let (one, two) = (try directory.status(leaf), try other.status(targetLeaf))
                var isThere = one.device == two.device && one.inode == two.inode
                if !isThere, let expected { isThere = try isSame(leaf, in: directory, size: size, digest: expected) }
                if isThere {
                    state.kept += 1
                    return
                }
                try clear(leaf, in: directory)
            }
            try directory.makeHardLink(leaf, to: targetLeaf, in: other)
            state.restored += 1
        }
    }

    func checkReplacing(_ leaf: ByteString, in directory: Directory) throws(Fault) {
        guard overwrites else {
            throw Fault(
                .exists, "\(directory.path(of: leaf)): is there already with another content",
                hint: "Restore into an empty directory, or use --force to replace what is there.")
        }
    }

    func clear(_ leaf: ByteString, in directory: Directory) throws(Fault) {
        try checkReplacing(leaf, in: directory)
        try directory.remove(leaf)
    }

    /// Owner (as root), mode and time of a directory or link.
    private func settle(_ leaf: ByteString, in directory: Directory, _ entry: Entry) throws(Fault) {
        if isRoot { try directory.setOwner(leaf, uid: entry.uid, gid: entry.gid) }
        if entry.kind != .symlink { try directory.setMode(leaf, entry.mode) }
        try directory.setModified(leaf, entry.modified)
    }

    /// Owner (as root), mode and time of a file.
    func settle(_ file: File, _ entry: Entry, _ state: inout State) throws(Fault) {
        if isRoot { try file.setOwner(uid: entry.uid, gid: entry.gid) }
        let setID = keepsSetID ? 0 : entry.mode & 0o6000
        if setID != 0 { state.clearedSetID += 1 }
        try file.setMode(entry.mode & ~setID)
        try file.setModified(entry.modified)
    }

    /// Gives the directories their modes and times, the deepest first, and brings everything to stable storage.
    ///
    /// - Parameter isComplete: false when more is to come in another run: a directory whose mode lets nobody write gets it
    ///   then.
    /// - Throws: the first fault of a directory, once all others are done; the system's fault when writing fails.
    package func finish(isComplete: Bool = true) throws(Fault) {
        try state.with { (state: inout State) throws(Fault) in
            state.parent = root
            state.parentPath = []
            var failure: Fault?
            for (path, entry) in isComplete ? state.directories.sorted(by: { $0.path.count > $1.path.count }) : [] {
                guard let leaf = path.last else { continue }
                do throws(Fault) { try settle(leaf, in: try root.descend(path.dropLast()), entry) } catch {
                    failure = failure ?? error
                }
            }
            state.directories = []
            try root.syncFileSystem()
            if let failure { throw failure }
        }
    }
}
