import Codec
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
}
