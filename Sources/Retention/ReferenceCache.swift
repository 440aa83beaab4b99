package import Codec
import Ledger
package import Platform
import Vault

/// What manifests name, kept in the state directory so that not all of them are read every night: a cache that can be
/// removed at any time.
///
/// A manifest is never rewritten, so what is cached of one holds for good. Nothing is brought to stable storage: a file
/// that a crash has cut lacks its last row, and is made anew.
package final class ReferenceCache: Sendable {
    /// For files without names, too.
    let directory: Directory
    private let used = Monitor<Set<ByteString>>([])

    /// - Parameters:
    ///   - state: the local state directory.
    ///   - job: the name of the job.
    /// - Throws: the system's fault when its place can't be made.
    package init(_ state: Directory, job: String) throws(Fault) {
        directory = try state.descendCreating(["references", ByteString(job)])
    }

    /// Calls `each` with a reader that stands on a row for each object that a manifest names: the object, the run that
    /// made it, and the tenants whose entries it holds with commas between them.
    ///
    /// - Parameters:
    ///   - identity: what tells this manifest from all others, and is another one for other bytes.
    ///   - open: opens the manifest itself, when nothing is cached of it.
    ///   - each: what it does can be done twice with the same row.
    /// - Returns: the digest of the manifest.
    /// - Throws: what `open`, the reading and `each` throw.
    @discardableResult
    package func forEachReference(
        _ identity: String, _ open: () throws(Fault) -> any RangedSource, _ each: (RowReader) throws(Fault) -> Void
    ) throws(Fault) -> Digest256 {
        let name = name(identity)
        // What a cache can't tell is looked up.
        do throws(Fault) { return try read(name, each) } catch {
            guard error.code == .damaged || error.code == .notFound else { throw error }
        }
        try make(name, open)
        return try read(name, each)
    }

    private func name(_ identity: String) -> ByteString {
        let digest = SHA256Hasher.digest(of: Array("\(Self.format)\n\(identity)".utf8))
        let name = ByteString(digest.description.prefix(40) + ".tsv.gz")
        _ = used.with { $0.insert(name) }
        return name
    }

    /// Files of another format are none of these names.
    private static let format = 2

    private func make(_ name: ByteString, _ open: () throws(Fault) -> any RangedSource) throws(Fault) {
        var source = try open()
        let digest: Digest256
        if source is FileSource {
            digest = try SHA256Hasher.digest(of: source)
        } else {
            (source, digest) = try source.copied(to: directory)
        }
        let references = try ManifestReferences(try ManifestReader(source))
        // Another process may make the same one just now.
        let temporary = "." + name + ByteString("." + RandomID.make())
        do throws(Fault) {
            let file = try directory.createNewFile(temporary)
            try references.write(try GzipWriter(file, level: 1), of: digest)
            try file.close()
            try directory.rename(temporary, to: name)
        } catch {
            try? directory.removeIfPresent(temporary)
            throw error
        }
    }

    private func read(_ name: ByteString, _ each: (RowReader) throws(Fault) -> Void) throws(Fault) -> Digest256 {
        let reader = try RowReader(table: try FileSource(try directory.openFile(name)))
        var count: Int64 = 0
        while try reader.next() {
            guard reader.fieldCount == 3 else { throw reader.fault("expected three fields") }
            if !reader.isEmpty(0) {
                count += 1
                try each(reader)
            } else if try reader.int(1) == count, let digest = try reader.digest(2), try !reader.next() {
                return digest
            } else {
                break
            }
        }
        throw reader.fault("is not whole")
    }

    /// Removes what was not asked for since this was made.
    package func sweep() throws(Fault) {
        let used = used.with { $0 }
        for name in try directory.names() where !used.contains(name) { try directory.removeIfPresent(name) }
    }
}
