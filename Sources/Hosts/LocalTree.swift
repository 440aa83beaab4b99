import Ledger
package import Platform

/// A tree that is mounted on this machine.
///
/// Links are never followed. Other file systems mounted inside the tree are: what lies below the path is what the job
/// promises to keep, and leaving a mount out would lose data in silence.
package final class LocalTree: SourceTree {
    package let name: String
    package let capabilities: TreeCapabilities = [.inodes, .holes]
    private let top: Directory
    private let ignored: Set<ByteString>

    /// Opens the tree.
    ///
    /// - Parameters:
    ///   - path: the top; it may be or contain a link, since an administrator wrote it.
    ///   - ignored: keys of files that are no part of the tree, such as the marker that says it is ready.
    /// - Throws: `notFound` when there is no such directory.
    package init(_ path: String, ignoring ignored: [ByteString] = []) throws(Fault) {
        do { top = try Directory.open(path) } catch {
            guard error.code == .notFound else { throw error }
            throw error.hinting(
                "Check the job's `path`: is its file system mounted, and has the directory of this date been written yet?"
            )
        }
        name = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.ignored = Set(ignored + [MountGuard.name])
    }

    package func inventory() throws(Fault) -> TreeInventory {
        let walk = LocalWalk(try DirectoryWalk(top), ignored)
        return { () throws(Fault) -> TreeEntry? in try walk.next() }
    }

    package func open(_ entry: TreeEntry) throws(Fault) -> any SourceFile {
        let (parent, name) = try locate(entry)
        let file: File
        do { file = try parent.openFile(name) } catch {
            // A link or a socket that took the file's place can't be opened either; that is no error of the medium.
            if error.code == .io, try parent.status(name).kind != .file {
                throw Fault(.changed, "\(parent.path(of: name)): is no regular file any more", cause: error)
            }
            throw error
        }
        // More than the kernel reads ahead by itself.
        if entry.entry.size > 1 << 20 { file.adviseSequential() }
        return LocalFile(file)
    }

    package func look(at key: ByteString) throws(Fault) -> TreeEntry {
        var components = key.components
        guard let name = components.popLast() else { throw Fault(.notFound, "\(name): an empty key") }
        let parent = try top.descend(components)
        return try TreeEntry(local: key, try parent.status(name), name: name, in: parent)
    }

    private func locate(_ entry: TreeEntry) throws(Fault) -> (Directory, ByteString) {
        guard let parent = entry.locator as? Directory else {
            preconditionFailure("an entry is opened by the tree that gave it")
        }
        let key = entry.entry.key.bytes
        let start = key.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        return (parent, ByteString(bytes: Array(key[start...])))
    }
}

extension TreeEntry {
    /// - Throws: the fault of reading where a symbolic link points.
    fileprivate init(local key: ByteString, _ status: FileStatus, name: ByteString, in parent: Directory) throws(Fault)
    {
        let kind = EntryKind(status.kind)
        self.init(
            Entry(
                key: key, kind: kind, size: kind == .file ? status.size : 0, modified: status.modified,
                mode: status.mode, uid: status.uid, gid: status.gid,
                link: kind == .symlink ? try parent.readLink(name) : ByteString()),
            identity: FileIdentity(device: status.device, inode: status.inode),
            links: kind == .file ? status.links : 1, locator: kind == .file ? parent : nil)
    }
}

/// The walk of a local tree, for one thread.
private final class LocalWalk {
    /// The first name of a file with several, and what the file was then.
    private struct FirstName {
        let key: ByteString
        let size: Int64
        let modified: Timestamp
        /// Names not seen yet.
        var missing: UInt32
    }

    private static let lostAndFound = ByteString("lost+found/")

    private var walk: DirectoryWalk
    private let ignored: Set<ByteString>
    /// A step that was taken to know whether the directory before it can be read.
    private var ahead: DirectoryWalk.Step?
    /// Files with several names of which not all have been seen.
    private var firstNames: [FileIdentity: FirstName] = [:]

    init(_ walk: consuming DirectoryWalk, _ ignored: Set<ByteString>) {
        self.walk = walk
        self.ignored = ignored
    }

    func next() throws(Fault) -> TreeEntry? {
        while let step = try takeStep() {
            let status: FileStatus
            switch step.status {
            case .failure(let fault): return TreeEntry(unknown: step.path, fault)
            case .success(let known): status = known
            }
            if ignored.contains(step.path) { continue }
            if status.kind == .directory {
                // At the top of a mount it belongs to the file system, and only root may read it.
                if step.path == LocalWalk.lostAndFound {
                    walk.passOver()
                    continue
                }
                return try directory(step, status)
            }
            do {
                let entry = try TreeEntry(local: step.path, status, name: step.name, in: step.parent)
                return entry.links > 1 ? linked(entry) : entry
            } catch {
                return TreeEntry(unknown: step.path, error)
            }
        }
        return nil
    }

    private func takeStep() throws(Fault) -> DirectoryWalk.Step? {
        if let step = ahead {
            ahead = nil
            return step
        }
        return try walk.next()
    }

    /// A directory that can't be listed comes from the walk twice; here it is one entry.
    private func directory(_ step: DirectoryWalk.Step, _ status: FileStatus) throws(Fault) -> TreeEntry {
        var entry = try TreeEntry(local: step.path, status, name: step.name, in: step.parent)
        if let next = try walk.next() {
            if next.path == step.path, case .failure(let fault) = next.status {
                entry.fault = fault
            } else {
                ahead = next
            }
        }
        return entry
    }

    private func linked(_ entry: TreeEntry) -> TreeEntry {
        guard let identity = entry.identity else { return entry }
        guard var first = firstNames[identity] else {
            firstNames[identity] = FirstName(
                key: entry.entry.key, size: entry.entry.size, modified: entry.entry.modified, missing: entry.links - 1)
            return entry
        }
        first.missing -= 1
        firstNames[identity] = first.missing == 0 ? nil : first
        // An inode number is given to a new file as soon as the old one is gone: only what looks the same is the same.
        guard first.size == entry.entry.size, first.modified == entry.entry.modified else { return entry }
        var further = entry
        further.entry.kind = .hardLink
        further.entry.link = first.key
        return further
    }
}

/// An open file on this machine.
private final class LocalFile: SourceFile {
    private let file: File
    init(_ file: File) { self.file = file }

    var localFile: File? { file }

    func status() throws(Fault) -> SourceStatus {
        let status = try file.status()
        return SourceStatus(
            kind: EntryKind(status.kind), size: status.size, modified: status.modified, mode: status.mode,
            uid: status.uid, gid: status.gid, identity: FileIdentity(device: status.device, inode: status.inode),
            allocated: status.allocated)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func dataRanges(size: Int64) throws(Fault) -> [Range<Int64>] { try file.dataRanges(size: size) }

    // Closing a file that was only read has nothing to report.
    func close() { try? file.close() }
}
