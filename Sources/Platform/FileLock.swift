import Glibc

/// An exclusive flock(2) on a local file: held as long as the object lives, and let go by the kernel when the process
/// dies, however it dies.
package final class FileLock: Sendable {
    private let file: File

    private init(_ file: File) { self.file = file }

    // Closing alone would leave the lock to a child that another thread is just about to start, until that has come to
    // its exec; LOCK_UN ends it for every copy of the descriptor (flock(2)).
    deinit { _ = flock(file.descriptor, LOCK_UN) }

    /// How often a lock is tried that only somebody's look keeps from being taken, and how long to wait in between.
    private static let (tries, pause) = (200, 5_000 as UInt32)

    /// Takes the lock, or returns nothing when another process has it.
    package static func take(_ name: ByteString, in directory: Directory) throws(Fault) -> FileLock? {
        let file = try directory.appendFile(name)
        for _ in 0..<tries {
            if try lock(file, LOCK_EX) { return FileLock(file) }
            // Where a shared lock is to be had nobody holds the lock: what was in the way was a look of `isTaken`, which
            // lasts a moment, or another one who looks like this.
            guard try lock(file, LOCK_SH) else { return nil }
            _ = flock(file.descriptor, LOCK_UN)
            usleep(pause)
        }
        return nil
    }

    /// Whether a process has the lock; the look itself keeps nobody from taking it.
    package static func isTaken(_ name: ByteString, in directory: Directory) throws(Fault) -> Bool {
        let file: File
        do { file = try directory.openFile(name) } catch {
            if error.code == .notFound { return false }
            throw error
        }
        guard try lock(file, LOCK_SH) else { return true }
        _ = flock(file.descriptor, LOCK_UN)
        return false
    }

    private static func lock(_ file: File, _ kind: Int32) throws(Fault) -> Bool {
        if retryingInterrupts({ flock(file.descriptor, kind | LOCK_NB) }) == 0 { return true }
        if errno == EWOULDBLOCK { return false }
        throw .lastSystem("lock", file.path)
    }
}
