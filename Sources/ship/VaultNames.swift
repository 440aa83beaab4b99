import Archive
import Codec
import Ledger
import Platform
import Vault

/// What the manifests in a vault name.
struct VaultNames {
    /// The manifests that count: the one with the highest number of each host in each run.
    private(set) var manifests: [ObjectKey] = []
    /// Archives that these name, each with the run in which it was made.
    private(set) var archives: [ObjectKey: String] = [:]
    /// What only older manifests name, and these themselves: it may be there or not.
    private(set) var superseded: Set<ObjectKey> = []
    /// Manifests that can't be read.
    private(set) var findings: [ObjectFinding] = []

    /// Whether all manifests could be read.
    var isComplete: Bool { findings.isEmpty }

    /// Reads the manifests.
    ///
    /// - Parameters:
    ///   - store: the vault.
    ///   - layout: of the job.
    ///   - keys: what is in the vault.
    ///   - only: only manifests of this run.
    ///   - selection: only these hosts, and archives with entries of these tenants.
    ///   - isWhole: whether older manifests are read, too.
    /// - Throws: `notFound` without a manifest.
    init(
        _ store: any ObjectStore, _ layout: VaultLayout, _ keys: some Collection<ObjectKey>, run only: CivilDate?,
        _ selection: EntrySelection, isWhole: Bool
    ) throws(Fault) {
        let runs = try Self.manifests(keys, layout).filter { only == nil || $0.key == only }
        guard !runs.isEmpty else {
            throw Fault(
                .notFound,
                "\(store.description): has no manifest of job '\(layout.job)'\(only.map { " for run \($0)" } ?? "")",
                hint: "Is the vault mounted? 'ship status \(layout.job)' tells which runs were shipped.")
        }
        for (run, units) in runs.sorted(by: { $0.key < $1.key }) {
            for (unit, numbers) in units.sorted(by: { $0.key < $1.key }) where selection.selects(host: unit) {
                for number in numbers.sorted() {
                    try Shutdown.check()
                    let key = try layout.manifest(run: run, unit: unit, number: number)
                    let isNewest = number == numbers.max()
                    if isNewest { manifests.append(key) } else { superseded.formUnion([key, try digest(of: key)]) }
                    guard isNewest || isWhole else { continue }
                    do throws(Fault) {
                        try read(try ManifestReader(try store.open(key)), selection, counts: isNewest)
                    } catch {
                        if [.interrupted, .unreachable].contains(error.code) { throw error }
                        findings.append(
                            ObjectFinding(
                                error.code == .damaged ? .altered : .unreadable, key,
                                "what it names is not known: \(error)"))
                    }
                }
            }
        }
    }

    /// Everything that counts, sidecars included.
    var named: Set<ObjectKey> {
        var named: Set<ObjectKey> = []
        for key in archives.keys { named.formUnion(Self.withSidecars(key)) }
        for key in manifests {
            named.insert(key)
            if let digest = try? digest(of: key) { named.insert(digest) }
        }
        return named
    }

    private mutating func read(_ reader: ManifestReader, _ selection: EntrySelection, counts: Bool) throws(Fault) {
        // Entries of one archive mostly follow each other.
        var last = ""
        while let row = try reader.next() {
            guard selection.selects(row), !row.object.isEmpty, row.object != last else { continue }
            try Shutdown.check()
            last = row.object
            let key = try ObjectKey(row.object)
            if counts { archives[key] = row.run } else { superseded.formUnion(Self.withSidecars(key)) }
        }
    }

    private func digest(of manifest: ObjectKey) throws(Fault) -> ObjectKey {
        try ObjectKey(manifest.description + ArchiveName.digestSuffix)
    }

    private static func withSidecars(_ archive: ObjectKey) -> [ObjectKey] {
        guard let base = ArchiveName(ofArchive: archive.description)?.base else { return [archive] }
        return [archive] + [ArchiveName.indexSuffix, ArchiveName.digestSuffix].compactMap { try? ObjectKey(base + $0) }
    }

    /// The numbers of the manifests of each host in each run.
    private static func manifests(_ keys: some Collection<ObjectKey>, _ layout: VaultLayout) throws(Fault)
        -> [CivilDate: [String: [Int]]]
    {
        var runs: [CivilDate: [String: [Int]]] = [:]
        for key in keys {
            if let found = layout.manifest(key) {
                runs[found.run, default: [:]][found.unit, default: []].append(found.number)
            }
        }
        return runs
    }
}
