import CLinux
import Glibc

/// An open directory.
///
/// Everything below is reached through its descriptor, one name at a time and without following links, so that no rename
/// and no planted link can lead outside (openat(2), RATIONALE).
package final class Directory: @unchecked Sendable {
    // Safe to share: the descriptor never changes after init.
    package let descriptor: Int32
    private let trail: Trail

    private init(descriptor: Int32, trail: Trail) {
        self.descriptor = descriptor
        self.trail = trail
    }

    private convenience init(descriptor: Int32, path: String) {
        self.init(descriptor: descriptor, trail: Trail(ByteString(path)))
    }

    deinit { _ = close(descriptor) }

    /// The path for messages.
    package var path: String { trail.path }

    /// Opens a directory by its path; the path itself may contain links, since an administrator wrote it.
    package static func open(_ path: String) throws(Fault) -> Directory {
        let descriptor = retryingInterrupts { clinux_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0) }
        guard descriptor >= 0 else { throw .lastSystem("open", path) }
        return Directory(descriptor: descriptor, path: path)
    }

    /// Opens a directory by its path and makes what is missing, with mode 0700 unless another one is given; the umask
    /// goes off it.
    package static func create(_ path: String, mode: UInt32 = 0o700) throws(Fault) -> Directory {
        var current = try open(path.hasPrefix("/") ? "/" : ".")
        for component in ByteString(path).components where component != "." {
            current =
                component == ".."
                ? try open(current.path + "/..")
                : try current.existingOrNewDirectory(component, mode: mode, following: true)
        }
        let descriptor = ".".withCString { clinux_openat(current.descriptor, $0, O_RDONLY | O_DIRECTORY, 0) }
        guard descriptor >= 0 else { throw .lastSystem("open", path) }
        return Directory(descriptor: descriptor, path: path)
    }

    /// The path of something in here, for messages.
    package func path(of name: ByteString) -> String {
        Trail.joined(path, name.description)
    }

    // MARK: Directories

    /// Opens the directory `name`, which must not be a link.
    package func directory(_ name: ByteString) throws(Fault) -> Directory {
        let descriptor = name.withCString { c in
            retryingInterrupts { clinux_openat(self.descriptor, c, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0) }
        }
        guard descriptor >= 0 else { throw .lastSystem("open", path(of: name)) }
        return Directory(descriptor: descriptor, trail: Trail(name, below: trail))
    }

    private func existingOrNewDirectory(
        _ name: ByteString, mode: UInt32 = 0o700, following: Bool = false
    ) throws(Fault) -> Directory {
        if name.withCString({ mkdirat(descriptor, $0, mode_t(mode)) }) != 0 && errno != EEXIST {
            throw .lastSystem("make directory", path(of: name))
        }
        if following { return try Directory.open(path(of: name)) }
        return try directory(name)
    }

    /// Opens the directory at the relative path `components`, each step without following links.
    package func descend(_ components: [ByteString]) throws(Fault) -> Directory {
        var current = self
        for component in components { current = try current.directory(component) }
        return current
    }

    /// As ``descend(_:)``, making what is missing with mode 0700.
    package func descendCreating(_ components: [ByteString]) throws(Fault) -> Directory {
        var current = self
        for component in components { current = try current.existingOrNewDirectory(component) }
        return current
    }

    package func makeDirectory(_ name: ByteString, mode: UInt32 = 0o700) throws(Fault) {
        guard name.withCString({ mkdirat(descriptor, $0, mode_t(mode)) }) == 0 else {
            throw .lastSystem("make directory", path(of: name))
        }
    }

    // MARK: Files

    private func open(_ name: ByteString, _ flags: Int32, mode: UInt32 = 0) throws(Fault) -> File {
        let descriptor = name.withCString { c in
            retryingInterrupts { clinux_openat(self.descriptor, c, flags | O_NOFOLLOW | O_NOCTTY, mode) }
        }
        guard descriptor >= 0 else { throw .lastSystem("open", path(of: name)) }
        return File(descriptor: descriptor, trail: Trail(name, below: trail))
    }

    /// Opens a file for reading.
    ///
    /// O_NONBLOCK keeps a FIFO that took the file's place from hanging the open.
    package func openFile(_ name: ByteString) throws(Fault) -> File { try open(name, O_RDONLY | O_NONBLOCK) }

    /// Makes a file anew for writing and reading; what had the name is emptied.
    package func createFile(_ name: ByteString, mode: UInt32 = 0o600) throws(Fault) -> File {
        try open(name, O_RDWR | O_CREAT | O_TRUNC, mode: mode)
    }

    /// Makes a file that must not exist.
    package func createNewFile(_ name: ByteString, mode: UInt32 = 0o600) throws(Fault) -> File {
        try open(name, O_RDWR | O_CREAT | O_EXCL, mode: mode)
    }

    /// Opens a file that is there for reading and writing.
    package func reopenFile(_ name: ByteString) throws(Fault) -> File { try open(name, O_RDWR | O_NONBLOCK) }

    /// Opens a file for appending, making it where it is missing.
    package func appendFile(_ name: ByteString, mode: UInt32 = 0o600) throws(Fault) -> File {
        try open(name, O_RDWR | O_CREAT | O_APPEND, mode: mode)
    }

    /// A file without a name (O_TMPFILE), gone when closed.
    ///
    /// Where the file system has none, a named one is made and unlinked at once.
    package func unnamedFile() throws(Fault) -> File {
        let descriptor = clinux_open_unnamed(self.descriptor, 0o600)
        if descriptor >= 0 { return File(descriptor: descriptor, trail: Trail("(unnamed)", below: trail)) }
        let name = ByteString(".unnamed." + RandomID.make())
        let file = try createNewFile(name)
        try remove(name)
        return file
    }

    /// A file that gets its name once it is whole, so that whoever is killed leaves nothing (open(2), O_TMPFILE).
    ///
    /// - Returns: nothing where the file system has none, or /proc is not there.
    package func linkableFile() -> File? {
        guard access("/proc/self/fd", X_OK) == 0 else { return nil }
        let descriptor = clinux_open_unnamed(self.descriptor, 0o600)
        return descriptor >= 0 ? File(descriptor: descriptor, trail: Trail("(unnamed)", below: trail)) : nil
    }

    /// Gives a file of ``linkableFile()`` a name that is free.
    package func link(_ file: File, as name: ByteString) throws(Fault) {
        let made = name.withCString {
            linkat(AT_FDCWD, "/proc/self/fd/\(file.descriptor)", descriptor, $0, AT_SYMLINK_FOLLOW)
        }
        guard made == 0 else { throw .lastSystem("make", path(of: name)) }
    }

    /// The whole content of a small file.
    ///
    /// - Throws: `limit` when the file is larger than `limit` bytes.
    package func readFile(_ name: ByteString, limit: Int = 64 << 20) throws(Fault) -> [UInt8] {
        let file = try openFile(name)
        let size = try file.status().size
        guard size <= Int64(limit) else {
            throw Fault(.limit, "\(file.path): \(size) bytes, expected at most \(limit)")
        }
        var failure: Fault?
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
            do { count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0) } catch {
                failure = .wrapping(error)
            }
        }
        if let failure { throw failure }
        return bytes
    }

    // MARK: Names

    /// The status of `name`, not following links.
    package func status(_ name: ByteString) throws(Fault) -> FileStatus {
        var raw = clinux_status()
        guard name.withCString({ c in retryingInterrupts { clinux_statat(descriptor, c, 0, &raw) } }) == 0 else {
            throw .lastSystem("stat", path(of: name))
        }
        return FileStatus(raw)
    }

    /// The status of the directory itself.
    package func status() throws(Fault) -> FileStatus {
        var raw = clinux_status()
        guard clinux_fstat(descriptor, &raw) == 0 else { throw .lastSystem("stat", path) }
        return FileStatus(raw)
    }

    package func exists(_ name: ByteString) throws(Fault) -> Bool {
        var raw = clinux_status()
        if name.withCString({ clinux_statat(descriptor, $0, 0, &raw) }) == 0 { return true }
        if errno == ENOENT || errno == ENOTDIR { return false }
        throw .lastSystem("stat", path(of: name))
    }

    /// Where the symbolic link `name` points.
    package func readLink(_ name: ByteString) throws(Fault) -> ByteString {
        var capacity = 256
        while true {
            var buffer = [CChar](repeating: 0, count: capacity)
            let count = name.withCString { readlinkat(descriptor, $0, &buffer, capacity) }
            guard count >= 0 else { throw .lastSystem("read link", path(of: name)) }
            if count < capacity { return ByteString(buffer.prefix(count).map { UInt8(bitPattern: $0) }) }
            capacity *= 4
        }
    }

    package func makeLink(_ name: ByteString, to target: ByteString) throws(Fault) {
        guard target.withCString({ t in name.withCString { symlinkat(t, descriptor, $0) } }) == 0 else {
            throw .lastSystem("make link", path(of: name))
        }
    }

    /// Makes `name` a further name of `existing`, which must not be a link to elsewhere.
    package func makeHardLink(_ name: ByteString, to existing: ByteString, in other: Directory) throws(Fault) {
        let made = existing.withCString { old in
            name.withCString { linkat(other.descriptor, old, descriptor, $0, 0) }
        }
        guard made == 0 else { throw .lastSystem("make hard link", path(of: name)) }
    }

    package func remove(_ name: ByteString) throws(Fault) {
        guard name.withCString({ unlinkat(descriptor, $0, 0) }) == 0 else {
            throw .lastSystem("remove", path(of: name))
        }
    }

    /// Removes `name` where it is there.
    package func removeIfPresent(_ name: ByteString) throws(Fault) {
        if name.withCString({ unlinkat(descriptor, $0, 0) }) != 0 && errno != ENOENT {
            throw .lastSystem("remove", path(of: name))
        }
    }

    package func removeDirectory(_ name: ByteString) throws(Fault) {
        guard name.withCString({ unlinkat(descriptor, $0, AT_REMOVEDIR) }) == 0 else {
            throw .lastSystem("remove directory", path(of: name))
        }
    }

    /// Removes `name` and all below it.
    ///
    /// Links are removed, never followed.
    package func removeTree(_ name: ByteString) throws(Fault) {
        var raw = clinux_status()
        guard name.withCString({ clinux_statat(descriptor, $0, 0, &raw) }) == 0 else {
            if errno == ENOENT { return }
            throw .lastSystem("stat", path(of: name))
        }
        guard FileStatus(raw).kind == .directory else { return try remove(name) }
        // A loop with its own stack, since a thread's stack ends before a hostile tree does; and with one descriptor,
        // since those end even sooner: the way up is `..`, as long as that is the directory the way down came from.
        var here = try directory(name)
        var way = [try RemovalLevel(name, here)]
        while var level = way.popLast() {
            if let next = level.names.popLast() {
                way.append(level)
                if next.withCString({ c in retryingInterrupts { unlinkat(here.descriptor, c, 0) } }) == 0 { continue }
                guard errno == EISDIR else { throw .lastSystem("remove", here.path(of: next)) }
                here = try here.directory(next)
                way.append(try RemovalLevel(next, here))
            } else if let above = way.last {
                here = try here.parent(expecting: above.status)
                try here.removeDirectory(level.name)
            } else {
                try removeDirectory(name)
            }
        }
    }

    /// The directory above, as long as nobody has moved this one elsewhere.
    private func parent(expecting expected: FileStatus) throws(Fault) -> Directory {
        let descriptor = "..".withCString { clinux_openat(self.descriptor, $0, O_RDONLY | O_DIRECTORY, 0) }
        guard descriptor >= 0 else { throw .lastSystem("open", path + "/..") }
        let directory = Directory(descriptor: descriptor, trail: trail.parent ?? Trail("..", below: trail))
        let status = try directory.status()
        guard status.device == expected.device, status.inode == expected.inode else {
            throw Fault(.changed, "\(path): was moved elsewhere while its tree was removed")
        }
        return directory
    }

    /// Renames `name`, replacing what has the new name (rename(2) is atomic).
    package func rename(_ name: ByteString, to newName: ByteString, in other: Directory? = nil) throws(Fault) {
        let target = other ?? self
        let done = name.withCString { old in newName.withCString { renameat(descriptor, old, target.descriptor, $0) } }
        guard done == 0 else { throw .lastSystem("rename \(path(of: name)) to", target.path(of: newName)) }
    }

    /// Renames `name` unless the new name is taken.
    ///
    /// - Throws: `exists` when the new name is taken.
    package func renameExclusively(_ name: ByteString, to newName: ByteString) throws(Fault) {
        let done = name.withCString { old in
            newName.withCString { clinux_rename_noreplace(descriptor, old, descriptor, $0) }
        }
        if done == 0 { return }
        // NFS and some FUSE file systems don't know RENAME_NOREPLACE: link(2) refuses a taken name just as well.
        guard errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP else {
            throw .lastSystem("rename \(path(of: name)) to", path(of: newName))
        }
        try makeHardLink(newName, to: name, in: self)
        try remove(name)
    }

    /// Brings the names in here to stable storage: fsync(2) of the directory.
    package func sync() throws(Fault) {
        guard retryingInterrupts({ fsync(descriptor) }) == 0 else { throw .lastSystem("sync", path) }
    }

    /// Brings everything written to this file system to stable storage and reports write errors: syncfs(2).
    package func syncFileSystem() throws(Fault) {
        guard retryingInterrupts({ clinux_syncfs(descriptor) }) == 0 else { throw .lastSystem("sync", path) }
    }

    package func setModified(_ name: ByteString, _ moment: Timestamp) throws(Fault) {
        guard name.withCString({ clinux_utime(descriptor, $0, moment.seconds, moment.nanoseconds) }) == 0 else {
            throw .lastSystem("set times of", path(of: name))
        }
    }

    /// Sets the permission bits of a file or directory.
    ///
    /// - Throws: for a link too: it has no mode of its own, and its target is not meant (fchmodat(3)).
    package func setMode(_ name: ByteString, _ mode: UInt32) throws(Fault) {
        guard name.withCString({ fchmodat(descriptor, $0, mode_t(mode), AT_SYMLINK_NOFOLLOW) }) == 0 else {
            throw .lastSystem("set mode of", path(of: name))
        }
    }

    package func setOwner(_ name: ByteString, uid: UInt32, gid: UInt32) throws(Fault) {
        guard name.withCString({ fchownat(descriptor, $0, uid, gid, AT_SYMLINK_NOFOLLOW) }) == 0 else {
            throw .lastSystem("set owner of", path(of: name))
        }
    }

    /// All names in here but `.` and `..`, in the order of the file system.
    package func names() throws(Fault) -> [ByteString] {
        var list: [ByteString] = []
        try forEachName { name, _ in list.append(ByteString(cString: name)) }
        return list
    }

    /// Calls `body` with each name and whether the file system says that it is a directory.
    func forEachName(_ body: (UnsafePointer<CChar>, _ type: UInt8) -> Void) throws(Fault) {
        // fdopendir takes the descriptor over and moves its position, so it gets one of its own.
        let own = ".".withCString { c in clinux_openat(descriptor, c, O_RDONLY | O_DIRECTORY, 0) }
        guard own >= 0 else { throw .lastSystem("list", path) }
        guard let stream = fdopendir(own) else {
            let fault = Fault.lastSystem("list", path)
            _ = close(own)
            throw fault
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw .lastSystem("list", path) }
                return
            }
            Pulse.process.beat()
            withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    let isDot = name[0] == 0x2E && (name[1] == 0 || (name[1] == 0x2E && name[2] == 0))
                    if !isDot { body(name, entry.pointee.d_type) }
                }
            }
        }
    }

    /// The file system that holds this directory.
    package func fileSystem() throws(Fault) -> FileSystem {
        var (type, identity, free, size): (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        guard clinux_filesystem(descriptor, &type, &identity, &free, &size) == 0 else {
            throw .lastSystem("stat file system of", path)
        }
        return FileSystem(
            type: type, identity: FileSystem.keepsIdentity(type) ? identity : 0,
            free: Int64(clamping: free), size: Int64(clamping: size))
    }
}

/// One directory on the way down of ``Directory/removeTree(_:)``.
private struct RemovalLevel {
    let name: ByteString
    let status: FileStatus
    var names: [ByteString]

    init(_ name: ByteString, _ directory: Directory) throws(Fault) {
        self.name = name
        status = try directory.status()
        names = try directory.names()
    }
}

/// What fstatfs(2) tells of a file system.
package struct FileSystem: Sendable, Equatable {
    /// The magic number of its kind.
    package let type: UInt64
    /// Its identity across mounts; 0 where the kind has none that lasts.
    package let identity: UInt64
    /// Bytes free for this user.
    package let free: Int64
    package let size: Int64

    /// Whether f_fsid comes from the file system itself, as on ext2/3/4, Btrfs and ZFS.
    ///
    /// XFS, F2FS, FAT and tmpfs give the number of the device, which may be another after a reboot; network file
    /// systems and FUSE give nothing.
    fileprivate static func keepsIdentity(_ type: UInt64) -> Bool {
        [0xEF53, 0x9123_683E, 0x2FC1_2FC1].contains(UInt32(truncatingIfNeeded: type))
    }
}
