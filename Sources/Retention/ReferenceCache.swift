import Codec
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

    /// What a manifest names.
    ///
    /// - Parameters:
    ///   - identity: what tells this manifest from all others, and is another one for other bytes.
    ///   - open: opens the manifest itself, when nothing is cached of it.
    /// - Returns: the objects that it names.
    /// - Throws: what `open` and the reading throw.
    package func references(
        _ identity: String, _ open: () throws(Fault) -> ManifestReader
    ) throws(Fault) -> ManifestReferences {
        let digest = SHA256Hasher.digest(of: Array(identity.utf8)).description
        let name = ByteString(digest.prefix(40) + ".tsv.gz")
        _ = used.with { $0.insert(name) }
        if try directory.exists(name) {
            // What a cache can't tell is looked up.
            if let file = try? FileSource(try directory.openFile(name)),
                let known = try? ManifestReferences(RowReader(gzip: file))
            {
                return known
            }
        }
        let references = try ManifestReferences(try open())
        let pending = try PendingFile(name, in: directory)
        try references.write(try GzipWriter(pending.file, level: 1))
        try pending.commit()
        return references
    }

    /// Removes what was not asked for since this was made.
    package func sweep() throws(Fault) {
        let used = used.with { $0 }
        for name in try directory.names() where !used.contains(name) { try directory.removeIfPresent(name) }
    }
}
