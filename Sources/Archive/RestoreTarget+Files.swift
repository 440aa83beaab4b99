package import Codec
package import Ledger
package import Platform

extension RestoreTarget {
    /// Keeps a file that is there already with the content that it should have, so that nobody need fetch it.
    ///
    /// Its bytes are read: a file that a crash left behind may have its size and no more.
    ///
    /// - Returns: whether it is there.
    /// - Throws: `exists` when something else has the name and is not to be overwritten; `damaged` for a name that leads
    ///   outside.
    package func keepFile(_ name: ByteString, size: Int64, expected: Digest256) throws(Fault) -> Bool {
        guard try hasFile(name, size: size, expected: expected) else { return false }
        keep(files: 1, bytes: size)
        return true
    }

    /// Counts files that were found to be there already.
    package func keep(files: Int64, bytes: Int64) {
        state.with { state in
            state.kept += files
            state.bytes += bytes
        }
    }

    /// As ``keepFile(_:size:expected:)``, without counting it.
    package func hasFile(_ name: ByteString, size: Int64, expected: Digest256) throws(Fault) -> Bool {
        let path = try Self.components(name)
        guard let leaf = path.last else { throw Fault(.damaged, "'\(name)': names nothing") }
        let directory: Directory
        do throws(Fault) { directory = try root.descend(path.dropLast()) } catch {
            if error.code == .notFound { return false }
            throw error
        }
        guard try directory.exists(leaf) else { return false }
        guard try isSame(leaf, in: directory, size: size, digest: expected) else {
            try checkReplacing(leaf, in: directory)
            return false
        }
        return true
    }

    /// Writes a file from pieces in ascending order; what lies between them becomes holes.
    ///
    /// - Parameters:
    ///   - name: the path below the target directory; what is missing on the way is made.
    ///   - entry: the size, mode and time that the file gets, and as root its owner; what the pieces leave out at the end
    ///     is a hole.
    ///   - expected: the digest that the content must have, where one is known.
    ///   - fill: calls its argument with each piece and its offset.
    /// - Throws: `damaged` when the content has another digest, goes beyond the size or backwards, or the name leads
    ///   outside; `exists` when something else has the name and is not to be overwritten; `interrupted` after a signal;
    ///   what `fill` throws; the system's fault when writing fails.
    package func writeFile(
        _ name: ByteString, _ entry: Entry, expected: Digest256?,
        fill: ((UnsafeRawBufferPointer, Int64) throws(Fault) -> Void) throws(Fault) -> Void
    ) throws(Fault) {
        let (directory, leaf) = try state.with { (state: inout State) throws(Fault) in try place(name, &state) }
        let isThere = try directory.exists(leaf)
        if let expected, isThere {
            if try isSame(leaf, in: directory, size: entry.size, digest: expected) {
                return keep(files: 1, bytes: entry.size)
            }
            try checkReplacing(leaf, in: directory)
        }
        // Without a name until it is whole and settled: whoever is killed leaves nothing that a later restore would have to
        // know.
        let unnamed = directory.linkableFile()
        var temporary: ByteString?
        let file: File
        if let unnamed {
            file = unnamed
        } else {
            let name = try state.with { (_: inout State) throws(Fault) in
                let name = try freeName(for: leaf, in: directory)
                return (name, try directory.createNewFile(name))
            }
            (temporary, file) = name
        }
        var isPlaced = false
        defer { if !isPlaced, let temporary { try? directory.removeIfPresent(temporary) } }
        // Without a digest to compare with, one is of use only to see whether the file that is there is the same. It
        // costs a pass over each hole, and holes cost nothing to whoever made the archive.
        var isHashed = expected != nil
        if !isHashed && isThere { isHashed = try hasSize(entry.size, leaf, in: directory) }
        var content = ContentHasher(isHashed: isHashed)
        try fill { (piece: UnsafeRawBufferPointer, offset: Int64) throws(Fault) in
            try Shutdown.check()
            if offset > content.size { try file.seek(to: offset) }
            try content.add(piece, at: offset, name)
            try file.write(piece)
        }
        // The file system says first whether it can have such a file at all.
        try file.truncate(to: entry.size)
        try content.end(at: entry.size, name)
        let digest = content.finish()
        if let expected, digest != expected {
            throw Fault(.damaged, "'\(name)': restored with SHA-256 \(digest), expected \(expected)")
        }
        isPlaced = try state.with { (state: inout State) throws(Fault) -> Bool in
            if try directory.exists(leaf) {
                // Also one that another thread has restored meanwhile: the same file of two hosts.
                if isHashed, try isSame(leaf, in: directory, size: entry.size, digest: digest) {
                    state.kept += 1
                    state.bytes += entry.size
                    return false
                }
                try clear(leaf, in: directory)
            }
            try settle(file, entry, &state)
            if let temporary {
                // Before it has its place: on NFS errors of earlier writes arrive here.
                try file.close()
                try directory.rename(temporary, to: leaf)
            } else {
                try directory.link(file, as: leaf)
                try file.close()
            }
            state.restored += 1
            state.bytes += entry.size
            return true
        }
    }

    /// A name for a new file beside `leaf`.
    ///
    /// What has the usual temporary name already may be an entry restored before, or a further name of one: it is left
    /// alone.
    private func freeName(for leaf: ByteString, in directory: Directory) throws(Fault) -> ByteString {
        let name = PendingFile.temporaryName(for: leaf)
        return try directory.exists(name)
            ? PendingFile.temporaryName(for: ByteString("restore." + RandomID.make())) : name
    }

    func isSame(_ leaf: ByteString, in directory: Directory, size: Int64, digest: Digest256) throws(Fault)
        -> Bool
    {
        let status = try directory.status(leaf)
        guard status.kind == .file, status.size == size else { return false }
        return try SHA256Hasher.digest(of: try FileSource(try directory.openFile(leaf))) == digest
    }

    private func hasSize(_ size: Int64, _ leaf: ByteString, in directory: Directory) throws(Fault) -> Bool {
        let status = try directory.status(leaf)
        return status.kind == .file && status.size == size
    }
}
