import Ledger
package import Platform

extension ArchiveExtractor {
    /// The whole tar, entry by entry.
    package func tar(warn: @escaping (String) -> Void) throws(Fault) -> TarReader {
        try TarReader(ArchiveStream(source), warn: warn)
    }

    /// Extracts entries in the order of the tar, as stock tar does, where there is no index to tell more.
    ///
    /// The archive may be any that ``ArchiveStream`` reads. An entry that can't be restored, or would lead outside of the
    /// target, is told to `failed`, and keeps no other from coming back.
    ///
    /// - Parameters:
    ///   - target: where to.
    ///   - selects: says which names are wanted.
    ///   - failed: is told of a name that could not be restored, and why.
    ///   - leftOut: is told what was left out, or restored in part, and why.
    /// - Throws: `damaged` where the archive can't be read on; `interrupted` after a signal; `noSpace`.
    package func extractAll(
        to target: RestoreTarget, selects: (ByteString) -> Bool = { _ in true }, failed: Failed,
        leftOut: @escaping (String) -> Void
    ) throws(Fault) {
        let tar = try TarReader(ArchiveStream(source), warn: leftOut)
        while let found = try tar.next() {
            try Shutdown.check()
            guard selects(found.key) else { continue }
            var unreadable: Fault?
            do throws(Fault) {
                switch found.kind {
                case .directory: try target.makeDirectory(found.key, found)
                case .symlink: try target.makeSymlink(found.key, found)
                case .hardLink: try target.makeHardLink(found.key, to: found.link)
                case .file:
                    try target.writeFile(found.key, found, expected: nil) {
                        (write: (UnsafeRawBufferPointer, Int64) throws(Fault) -> Void) throws(Fault) in
                        try tar.copyContent(to: write, unreadable: &unreadable)
                    }
                case .fifo, .socket, .blockDevice, .characterDevice, .unknown:
                    leftOut("'\(found.key)': left out: \(found.kind.skipReason ?? "unknown-type")")
                }
            } catch {
                if error.endsRestore { throw error }
                failed(found.key, error)
                if let unreadable { throw unreadable }
            }
        }
        if !tar.isClosed { leftOut(tar.unclosed) }
    }
}
