package import Codec
package import Ledger
package import Platform

/// What manifests name, kept in the state directory so that not all of them are read every night: a cache that can be
/// removed at any time.
///
/// A manifest is never rewritten, so what is cached of one holds for good.
package final class ReferenceCache: Sendable {
    private let directory: Directory
    private let used = Monitor<Set<ByteString>>([])

    /// - Parameters:
    ///   - state: the local state directory.
    ///   - job: the name of the job.
    /// - Throws: the system's fault when its place can't be made.
    package init(_ state: Directory, job: String) throws(Fault) {
        directory = try state.descendCreating(["references", ByteString(job)])
    }

    /// Sees to it that what a manifest names is in the cache.
    ///
    /// - Parameters:
    ///   - identity: what tells this manifest from all others, and is another one for other bytes.
    ///   - open: opens the manifest itself, when nothing is cached of it.
    /// - Throws: what `open` and the reading throw.
    package func fill(_ identity: String, _ open: () throws(Fault) -> ManifestReader) throws(Fault) {
        let name = name(identity)
        if try !directory.exists(name) { try make(name, open) }
    }

    /// Calls `each` with a reader that stands on a row for each object that a manifest names: the object, the run that
    /// made it, and the tenants whose entries it holds with commas between them.
    ///
    /// - Parameters:
    ///   - identity: as for ``fill(_:_:)``.
    ///   - open: as there.
    ///   - each: what it does can be done twice with the same row.
    /// - Throws: what `open`, the reading and `each` throw.
    package func forEachReference(
        _ identity: String, _ open: () throws(Fault) -> ManifestReader, _ each: (RowReader) throws(Fault) -> Void
    ) throws(Fault) {
        let name = name(identity)
        if try directory.exists(name) {
            // What a cache can't tell is looked up.
            do throws(Fault) { return try read(name, each) } catch { if error.code != .damaged { throw error } }
        }
        try make(name, open)
        try read(name, each)
    }

    private func name(_ identity: String) -> ByteString {
        let name = ByteString(SHA256Hasher.digest(of: Array(identity.utf8)).description.prefix(40) + ".tsv.gz")
        _ = used.with { $0.insert(name) }
        return name
    }

    private func make(_ name: ByteString, _ open: () throws(Fault) -> ManifestReader) throws(Fault) {
        let references = try ManifestReferences(try open())
        let pending = try PendingFile(name, in: directory)
        try references.write(try GzipWriter(pending.file, level: 1))
        try pending.commit()
    }

    private func read(_ name: ByteString, _ each: (RowReader) throws(Fault) -> Void) throws(Fault) {
        let reader = try RowReader(table: try FileSource(try directory.openFile(name)))
        while try reader.next() {
            guard reader.fieldCount == 3 else { throw reader.fault("expected three fields") }
            try each(reader)
        }
    }

    /// Removes what was not asked for since this was made.
    package func sweep() throws(Fault) {
        let used = used.with { $0 }
        for name in try directory.names() where !used.contains(name) { try directory.removeIfPresent(name) }
    }
}
