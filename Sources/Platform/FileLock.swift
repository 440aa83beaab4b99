import Glibc

/// An exclusive flock(2) on a local file: held as long as the object lives, and let go by the kernel when the process
/// dies, however it dies.
package final class FileLock: Sendable {
    private let file: File

    private init(_ file: File) { self.file = file }

    /// Takes the lock, or returns nothing when another process has it.
    package static func take(_ name: ByteString, in directory: Directory) throws(Fault) -> FileLock? {
        let file = try directory.appendFile(name)
        if retryingInterrupts({ flock(file.descriptor, LOCK_EX | LOCK_NB) }) == 0 { return FileLock(file) }
        if errno == EWOULDBLOCK { return nil }
        throw .lastSystem("lock", file.path)
    }
}
