import Glibc
import Ledger
import Platform

/// An object that is being made: written under a temporary name beside its place, proved, and only then put there.
///
/// The temporary name follows from the final one, so that a rerun after a crash replaces what the crash left. A lock on
/// the temporary file (flock(2), let go by the kernel when its holder dies) tells a crash's remains from the work of a
/// living writer.
final class PendingObject {
    private let directory: Directory
    private let name: ByteString
    private let temporary: ByteString
    /// Holds the lock; the content goes through a descriptor of its own, whose close is checked.
    private let lock: File
    private var isPending = true

    static let mode: UInt32 = 0o640

    /// Claims the right to make `name`.
    ///
    /// - Throws: `tryLater` while another writer has it.
    init(_ name: ByteString, in directory: Directory) throws(Fault) {
        self.directory = directory
        self.name = name
        temporary = Self.temporaryName(for: name)
        lock = try Self.claim(temporary, in: directory)
    }

    deinit { if isPending { try? directory.removeIfPresent(temporary) } }

    /// Where the bytes are until ``appear()``, for messages.
    var path: String { directory.path(of: temporary) }

    /// The temporary name for `name`; two long names never share one.
    static func temporaryName(for name: ByteString) -> ByteString {
        let short = name.count <= 240 ? [name] : StagedPath.components(of: name)
        return PendingFile.temporaryName(for: short.first ?? name)
    }

    /// Removes what a crash left beside the object `name`; a living writer's file stays.
    static func removeRemains(of name: ByteString, in directory: Directory) throws(Fault) {
        let temporary = temporaryName(for: name)
        guard try directory.statusIfPresent(temporary) != nil else { return }
        try removeRemains(at: temporary, in: directory)
    }

    /// Removes all that crashes left in a directory, of whatever objects.
    static func removeAllRemains(in directory: Directory) throws(Fault) {
        for name in try directory.names() where PendingFile.isTemporary(name) {
            try removeRemains(at: name, in: directory)
        }
    }

    private static func removeRemains(at temporary: ByteString, in directory: Directory) throws(Fault) {
        let lock: File
        do { lock = try claim(temporary, in: directory) } catch {
            if error.code == .tryLater { return }
            throw error
        }
        try directory.removeIfPresent(temporary)
        try lock.close()
    }

    /// Makes the temporary file and locks it: the result is empty and has no other name.
    private static func claim(_ temporary: ByteString, in directory: Directory) throws(Fault) -> File {
        // Each round ends with a claim, or with one obstacle less.
        for _ in 0..<64 {
            if let status = try directory.statusIfPresent(temporary), status.kind != .file {
                try directory.remove(temporary)
            }
            let file = try directory.appendFile(temporary, mode: mode)
            guard retryingInterrupts({ flock(file.descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
                if errno == EWOULDBLOCK { break }
                throw .lastSystem("lock", file.path)
            }
            // Before the lock was ours, its holder may have removed the name or put the file in its place.
            let held = try file.status()
            guard let named = try directory.statusIfPresent(temporary), named.inode == held.inode else { continue }
            if held.kind == .file && held.size == 0 && held.links == 1 {
                try file.setMode(mode)
                return file
            }
            // Removed and made anew rather than emptied: a crash between link and unlink leaves the finished object
            // itself under both names.
            try directory.remove(temporary)
        }
        throw Fault(
            .tryLater, "\(directory.path(of: temporary)): another writer is making this object",
            hint: "Wait for it to end, or end it; then run the same command again.", retry: .temporary)
    }

    /// Copies the source, checking it on the way, and brings the copy to stable storage.
    ///
    /// - Throws: as ``ObjectStore/put(_:expecting:to:_:)``.
    func write(_ source: any RangedSource, expecting expected: ExpectedContent, using buffer: Buffer) throws(Fault) {
        var check = try ContentCheck(expected, of: source.name)
        let file = try directory.createFile(temporary, mode: Self.mode)
        try source.forEachPiece(length: expected.size, using: buffer) { piece throws(Fault) in
            try check.update(piece)
            try file.write(piece)
        }
        try check.finish()
        try file.sync()
        try file.close()
    }

    /// Reads the copy back from the medium and compares.
    ///
    /// - Throws: `damaged`, naming the copy, when it doesn't hold what was written.
    func prove(_ expected: ExpectedContent, using buffer: Buffer) throws(Fault) {
        do { try directory.openFile(temporary).reread(expecting: expected, using: buffer) } catch {
            guard error.code == .damaged else { throw error }
            throw error.within("read back after writing")
                .hinting("The medium returned other bytes than were written to it: check the disk and its log.")
        }
    }

    /// Gives the object its name.
    ///
    /// - Throws: `exists` when the name has been taken meanwhile.
    func appear() throws(Fault) {
        try directory.renameExclusively(temporary, to: name)
        isPending = false
    }
}
