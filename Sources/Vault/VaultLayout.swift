package import Codec
import Ledger
package import Platform

/// Where a job's objects lie in a vault: archives under `JOB/`, manifests under `JOB/_ledger/RUN/`.
package struct VaultLayout: Sendable {
    package let job: String

    package init(job: String) { self.job = job }

    /// The key of an archive's file, in its first generation or a further one: `JOB/acme/2026/11/20/web1.g2.tar.gz`.
    package func archive(_ base: String, generation: Int, suffix: String) throws(Fault) -> ObjectKey {
        try ObjectKey("\(job)/\(base)\(generation == 1 ? "" : ".g\(generation)")\(suffix)")
    }

    /// The archives that can lie under a key: one of its name, and one whose name it is without a generation's mark.
    ///
    /// - Parameters:
    ///   - key: the key of an archive.
    ///   - suffix: that of archives.
    /// - Returns: their names without suffix; none for a key of something else.
    package func bases(ofArchive key: ObjectKey, suffix: String) -> [String] {
        let text = key.description
        guard text.hasPrefix("\(job)/"), text.hasSuffix(suffix) else { return [] }
        let base = text.dropFirst(job.utf8.count + 1).dropLast(suffix.utf8.count)
        guard let mark = base.lastIndex(of: "."), base[mark...].hasPrefix(".g"),
            let generation = Int(base[mark...].dropFirst(2)), generation > 1
        else { return [String(base)] }
        return [String(base), String(base[..<mark])]
    }

    /// The key of a manifest.
    package func manifest(run: CivilDate, unit: String, number: Int, suffix: String = "") throws(Fault) -> ObjectKey {
        try ObjectKey("\(job)/_ledger/\(run)/\(LedgerDirectory.fileName(unit: unit, number: number))\(suffix)")
    }

    /// What a key tells that is one of a manifest, or nothing for another one.
    package func manifest(_ key: ObjectKey) -> (run: CivilDate, unit: String, number: Int)? {
        let prefix = "\(job)/_ledger/"
        guard key.description.hasPrefix(prefix) else { return nil }
        let parts = key.description.dropFirst(prefix.count).split(separator: "/")
        guard parts.count == 2, let run = CivilDate(String(parts[0])),
            let (unit, number) = LedgerDirectory.parse(String(parts[1]))
        else { return nil }
        return (run, unit, number)
    }

    /// The runs that have manifests in the vault, oldest first, each with its units and their highest numbers.
    package func manifests(in store: any ObjectStore, run only: CivilDate? = nil) throws(Fault)
        -> [(run: CivilDate, units: [String: Int])]
    {
        let prefix = "\(job)/_ledger/"
        var runs: [CivilDate: [String: Int]] = [:]
        try store.list(prefix: prefix + (only.map { "\($0)/" } ?? "")) { key, _ in
            guard let (run, unit, number) = manifest(key) else { return }
            runs[run, default: [:]][unit] = max(runs[run]?[unit] ?? 0, number)
        }
        return runs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The highest number of a unit's manifests in the vault, or nothing.
    package func newestManifest(of unit: String, run: CivilDate, in store: any ObjectStore) throws(Fault) -> Int? {
        var newest: Int?
        try store.list(prefix: "\(job)/_ledger/\(run)/\(unit).manifest.") { key, _ in
            guard let found = manifest(key), found.unit == unit else { return }
            newest = max(newest ?? 0, found.number)
        }
        return newest
    }

    /// The digest that stands beside a manifest in a vault; nothing where there is none, or none that can be read.
    package func digest(ofManifest manifest: ObjectKey, in store: any ObjectStore) throws(Fault) -> Digest256? {
        try digestText(ofManifest: manifest, in: store).flatMap { Digest256(hex: $0.prefix(64)) }
    }

    /// What the file of digests beside a manifest holds.
    ///
    /// - Parameters:
    ///   - manifest: its key.
    ///   - store: the vault.
    /// - Returns: nothing where there is none: an attempt that was killed put the manifest alone.
    /// - Throws: the fault of the store.
    package func digestText(ofManifest manifest: ObjectKey, in store: any ObjectStore) throws(Fault) -> [UInt8]? {
        let source: any RangedSource
        do throws(Fault) {
            source = try store.open(try ObjectKey(manifest.description + ArchiveName.digestSuffix))
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
        let buffer = Buffer(capacity: 4_096)
        buffer.count = try source.read(into: buffer.bytes, at: 0)
        return Array(buffer.contents)
    }

    /// An archive with what lies beside it, in the order in which they may go: what refers to another goes first.
    package func group(ofArchive archive: ObjectKey) -> [ObjectKey] {
        guard let base = ArchiveName(ofArchive: archive.description)?.base else { return [archive] }
        return [ArchiveName.digestSuffix, ArchiveName.indexSuffix].compactMap { try? ObjectKey(base + $0) } + [archive]
    }

    /// A manifest with its digest file, in the order in which they may go.
    package func group(ofManifest manifest: ObjectKey) -> [ObjectKey] {
        [manifest] + [try? ObjectKey(manifest.description + ArchiveName.digestSuffix)].compactMap { $0 }
    }

    // MARK: What was decided

    /// What the keys of the audit objects begin with.
    package var auditPrefix: String { "\(job)/_ledger/_audit/" }

    /// The key of the object that tells what one batch was about to do.
    package func audit(_ batch: String, at moment: Timestamp) throws(Fault) -> ObjectKey {
        let time = moment.rfc3339.filter { $0 != "-" && $0 != ":" }
        return try ObjectKey("\(auditPrefix)\(time)-\(batch).jsonl")
    }
}
