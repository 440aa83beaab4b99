import Platform

extension File {
    /// Reads all of the file from the medium, not from the page cache, and compares.
    ///
    /// What was cached is dropped before, and what this reading cached is dropped behind it.
    ///
    /// - Throws: `damaged` when the size or the digest differs; `interrupted` after a signal.
    func reread(expecting expected: ExpectedContent, using buffer: Buffer) throws(Fault) {
        var check = try ContentCheck(expected, of: path, byParts: false)
        let source = try FileSource(self)
        guard source.size == expected.size else {
            throw Fault(.damaged, "\(path): has \(source.size) bytes, expected \(expected.size)")
        }
        // Only pages that are already on the medium are dropped.
        try sync()
        dropCache()
        adviseSequential()
        try source.forEachPiece(length: expected.size, using: buffer) { piece throws(Fault) in try check.update(piece) }
        try check.finish()
        dropCache()
    }
}
