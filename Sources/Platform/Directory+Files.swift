import CLinux
import Glibc

/// Files in a directory, opened by their names.
extension Directory {
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
}
