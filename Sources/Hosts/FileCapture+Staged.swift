import Codec
import Ledger
import Platform

/// What an attempt before has staged, and what of it can be proved.
extension FileCapture {
    /// What of a file is staged already: its first bytes, and the digest of them under way.
    struct Start {
        var count: Int64 = 0
        var hasher = SHA256Hasher()
    }

    /// Whether the content of an attempt before is still what its row says, every byte of it.
    func isStaged(_ earlier: EntryList.Row, _ directory: Directory, _ name: ByteString) throws(Fault) -> Bool {
        let file: File
        do { file = try directory.openFile(name) } catch {
            if error.code == .notFound { return false }
            throw error
        }
        guard try file.status().size == earlier.entry.size else { return false }
        return try digest(of: file, count: earlier.entry.size)?.finish() == earlier.manifest.sha256
    }

    /// The digest under way of the first bytes of a staged file; nothing when it has fewer.
    private func digest(of file: File, count: Int64) throws(Fault) -> SHA256Hasher? {
        var hasher = SHA256Hasher()
        var position: Int64 = 0
        while position < count {
            try state.check()
            let wanted = Int(min(Int64(buffer.capacity), count - position))
            buffer.count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted]), at: position)
            guard buffer.count == wanted else { return nil }
            hasher.update(buffer.contents)
            position += Int64(wanted)
        }
        return hasher
    }

    /// How much of a large file an attempt before has staged, as far as that can be proved: the file is the same by size
    /// and time, and what is staged has the digest that was noted while it arrived.
    func proved(_ file: File, _ key: ByteString, _ status: SourceStatus) throws(Fault) -> Start {
        guard let prefix = journal?.prefix(of: key), prefix.size == status.size, prefix.modified == status.modified,
            let hasher = try digest(of: file, count: prefix.count)
        else { return Start() }
        return hasher.finish() == prefix.sha256 ? Start(count: prefix.count, hasher: hasher) : Start()
    }

    /// Reads the last block that is staged from the source once more: a file of the same size and time may be another one.
    func checkSeam(_ source: any SourceFile, _ file: File, _ end: Int64) throws(Fault) -> Result<Void, Fault> {
        let count = Int(min(Int64(buffer.capacity), end))
        let staged = Buffer(capacity: count)
        staged.count = try file.read(into: staged.bytes, at: end - Int64(count))
        buffer.count = 0
        while buffer.count < count {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffer.count..<count])
            do {
                let read = try source.read(into: room, at: end - Int64(count) + Int64(buffer.count))
                if read == 0 { break }
                buffer.count += read
            } catch { return .failure(error) }
        }
        if staged.count == count, staged.contents.elementsEqual(buffer.contents) {
            return .success(())
        }
        return .failure(
            Fault(.changed, "\(file.path): what was staged before is not what the source has now", retry: .temporary))
    }
}
