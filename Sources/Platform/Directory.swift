import CLinux
import Glibc

/// An open directory.
///
/// Everything below is reached through its descriptor, one name at a time and without following links, so that no rename
/// and no planted link can lead outside (openat(2), RATIONALE).
package final class Directory: @unchecked Sendable {
    // Safe to share: the descriptor never changes after init.
    package let descriptor: Int32
    let trail: Trail

    init(descriptor: Int32, trail: Trail) {
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
        let descriptor = opened(name)
        guard descriptor >= 0 else { throw .lastSystem("open", path(of: name)) }
        return Directory(descriptor: descriptor, trail: Trail(name, below: trail))
    }

    /// A descriptor of the directory `name`; negative, with errno, where there is none.
    private func opened(_ name: ByteString) -> Int32 {
        name.withCString { c in
            retryingInterrupts { clinux_openat(self.descriptor, c, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0) }
        }
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
        // Nearly always all of them are there.
        for component in components {
            if let there = try current.existingDirectory(component) {
                current = there
            } else {
                current = try current.existingOrNewDirectory(component)
            }
        }
        return current
    }

    private func existingDirectory(_ name: ByteString) throws(Fault) -> Directory? {
        let descriptor = opened(name)
        guard descriptor < 0 else { return Directory(descriptor: descriptor, trail: Trail(name, below: trail)) }
        guard errno == ENOENT else { throw .lastSystem("open", path(of: name)) }
        return nil
    }

    package func makeDirectory(_ name: ByteString, mode: UInt32 = 0o700) throws(Fault) {
        guard name.withCString({ mkdirat(descriptor, $0, mode_t(mode)) }) == 0 else {
            throw .lastSystem("make directory", path(of: name))
        }
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
}
