import Glibc

/// An exclusive flock(2) on a local file: held as long as the object lives, and let go by the kernel when the process
/// dies, however it dies.
package final class FileLock: Sendable {
    private let file: File

    private init(_ file: File) { self.file = file }

    // Closing alone would leave the lock to a child that another thread is just about to start, until that has come to
    // its exec; LOCK_UN ends it for every copy of the descriptor (flock(2)).
    deinit { _ = flock(file.descriptor, LOCK_UN) }

    /// Takes the lock, or returns nothing when another process has it.
    package static func take(_ name: ByteString, in directory: Directory) throws(Fault) -> FileLock? {
        let file = try directory.appendFile(name)
        if retryingInterrupts({ flock(file.descriptor, LOCK_EX | LOCK_NB) }) == 0 { return FileLock(file) }
        if errno == EWOULDBLOCK { return nil }
        throw .lastSystem("lock", file.path)
    }
}
