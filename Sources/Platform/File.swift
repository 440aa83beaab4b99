import CLinux
import Glibc

/// An open file.
///
/// Short writes and EINTR are dealt with here, and so are short reads at an offset.
///
/// A writer calls ``close()`` itself, because on NFS errors of earlier writes arrive there (close(2), NOTES);
/// `deinit` only keeps an abandoned descriptor from leaking. One thread writes at a time; `pread` is free to all.
package final class File: @unchecked Sendable {
    // Safe to share: the descriptor is set once, and only `close` and `deinit`, which its one owner calls, change it.
    private var storage: Int32
    /// The path for messages.
    package var path: String { trail.path }
    private let trail: Trail

    init(descriptor: Int32, trail: Trail) {
        storage = descriptor
        self.trail = trail
    }

    deinit { if storage >= 0 { _ = Glibc.close(storage) } }

    package var descriptor: Int32 { storage }

    /// Opens a file by its path.
    ///
    /// - Throws: the system's fault, naming the path.
    package static func open(_ path: String) throws(Fault) -> File {
        let descriptor = retryingInterrupts { clinux_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0) }
        guard descriptor >= 0 else { throw .lastSystem("open", path) }
        return File(descriptor: descriptor, trail: Trail(ByteString(path)))
    }

    /// Closes the file and reports what close(2) says.
    package func close() throws(Fault) {
        let descriptor = storage
        guard descriptor >= 0 else { return }
        storage = -1
        // Linux closes the descriptor even when it reports EINTR; trying again could close somebody else's.
        if Glibc.close(descriptor) != 0 && errno != EINTR { throw .lastSystem("close", path) }
    }

    /// Reads up to the size of `buffer`; 0 at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        let count = retryingInterrupts { Glibc.read(storage, buffer.baseAddress, buffer.count) }
        guard count >= 0 else { throw .lastSystem("read", path) }
        return count
    }

    /// Reads at `offset` until `buffer` is full or the file ends.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        var done = 0
        while done < buffer.count {
            let count = retryingInterrupts {
                pread(storage, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset) + off_t(done))
            }
            guard count >= 0 else { throw .lastSystem("read", path) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes all of `buffer` at the file's position.
    package func write(_ buffer: UnsafeRawBufferPointer) throws(Fault) {
        var done = 0
        while done < buffer.count {
            let count = retryingInterrupts {
                Glibc.write(storage, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            }
            guard count >= 0 else { throw .lastSystem("write", path) }
            done += count
        }
    }

    package func write(_ bytes: [UInt8]) throws(Fault) {
        var failure: Fault?
        bytes.withUnsafeBytes { do { try write($0) } catch { failure = .wrapping(error) } }
        if let failure { throw failure }
    }

    /// Moves the position of ``read(into:)`` and ``write(_:)``.
    package func seek(to offset: Int64) throws(Fault) {
        guard lseek(storage, off_t(offset), SEEK_SET) >= 0 else { throw .lastSystem("seek", path) }
    }

    /// Cuts or extends (with a hole) the file to `size` bytes.
    package func truncate(to size: Int64) throws(Fault) {
        guard retryingInterrupts({ ftruncate(storage, off_t(size)) }) == 0 else { throw .lastSystem("truncate", path) }
    }

    /// Brings the content to stable storage: fsync(2).
    package func sync() throws(Fault) {
        guard retryingInterrupts({ fsync(storage) }) == 0 else { throw .lastSystem("sync", path) }
    }

    /// Asks the kernel to begin writing pages to the medium, so that ``sync()`` finds little left to wait for.
    ///
    /// A hint (sync_file_range(2)): only ``sync()`` tells what has arrived, and of errors.
    package func startWriting(offset: Int64, length: Int64) { _ = clinux_start_writing(storage, offset, length) }

    package func status() throws(Fault) -> FileStatus {
        var raw = clinux_status()
        guard clinux_fstat(storage, &raw) == 0 else { throw .lastSystem("stat", path) }
        return FileStatus(raw)
    }

    /// Makes this file share the blocks of `other` (ioctl_ficlone(2)): an instant, immutable copy.
    ///
    /// - Returns: false when the file systems can't do that; nothing has changed then.
    package func clone(from other: File) -> Bool { clinux_clone(storage, other.storage) == 0 }

    /// Asks the kernel to forget the cached pages, so that the next read comes from the medium.
    ///
    /// Only pages already synced are forgotten (posix_fadvise(2)).
    package func dropCache() { _ = clinux_fadvise_dontneed(storage) }

    /// Tells the kernel that the file is read from front to back.
    package func adviseSequential() { _ = clinux_fadvise_sequential(storage) }

    /// Asks the kernel to read ahead.
    package func adviseWillNeed(offset: Int64 = 0, length: Int64 = 0) {
        _ = clinux_fadvise_willneed(storage, offset, length)
    }

    /// The ranges that hold data, in order, as lseek(2) SEEK_DATA tells; the whole file where the file system keeps no
    /// holes.
    ///
    /// The file's position stays where it is.
    ///
    /// - Parameter size: where the file ends for the caller.
    /// - Returns: ranges that lie below `size`; none when all of it is a hole.
    /// - Throws: the system's fault, naming the path, when lseek(2) fails.
    package func dataRanges(size: Int64) throws(Fault) -> [Range<Int64>] {
        let position = lseek(storage, 0, SEEK_CUR)
        guard position >= 0 else { throw .lastSystem("seek", path) }
        defer { _ = lseek(storage, position, SEEK_SET) }
        var ranges: [Range<Int64>] = []
        var offset: Int64 = 0
        while offset < size {
            let start = clinux_seek_data(storage, offset)
            if start < 0 {
                if errno == ENXIO { break }  // only a hole is left
                if errno == EINVAL { return [0..<size] }
                throw .lastSystem("seek", path)
            }
            if start >= size { break }
            let end = clinux_seek_hole(storage, start)
            guard end >= 0 else { throw .lastSystem("seek", path) }
            ranges.append(start..<min(end, size))
            offset = end
        }
        return ranges
    }
}
