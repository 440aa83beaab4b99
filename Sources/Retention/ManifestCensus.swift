import Codec
import Ledger
import Platform
import Staging
import Vault

/// All manifests of a job in one vault and in the ledger, and which of them count.
struct ManifestCensus {
    struct Manifest {
        var run: CivilDate
        var unit: String
        var number: Int
        var key: ObjectKey
        /// What the vault says of it; nothing when only the ledger has it.
        var head: ObjectHead?
        var isInLedger = false
        /// Whether it has the highest number of its unit and run, in the vault or in the ledger.
        var isNewestNumber = false
        var tenants: Set<String> = []

        var name: String { "run \(run) \(unit)" }
    }

    private(set) var manifests: [Manifest] = []

    private struct Name: Hashable {
        var run: CivilDate
        var unit: String
        var number: Int
    }

    /// Lists the manifests, newest run first, and reads what is not known of them yet.
    ///
    /// - Parameters:
    ///   - prune: of the vault.
    ///   - now: the time by the vault's clock.
    ///   - isRead: false where a manifest is of one tenant, which is its unit.
    /// - Throws: the fault of the store; `damaged` for a manifest that can't be read.
    init(_ prune: VaultPrune, now: Timestamp, isRead: Bool = true) throws(Fault) {
        var found: [Name: Manifest] = [:]
        let layout = prune.layout
        try prune.vault.store.list(prefix: "\(layout.job)/_ledger/") { key, head in
            guard let (run, unit, number) = layout.manifest(key) else { return }
            found[Name(run: run, unit: unit, number: number)] = Manifest(
                run: run, unit: unit, number: number, key: key, head: head)
        }
        var highest: [OpenRuns.Place: Int] = [:]
        for name in found.keys {
            highest[.init(run: name.run, unit: name.unit), default: 0] = max(
                highest[.init(run: name.run, unit: name.unit)] ?? 0, name.number)
        }
        let ledger = try prune.job.ledger()
        for run in try ledger.runs() {
            for (unit, number) in try ledger.units(of: run) {
                let name = Name(run: run, unit: unit, number: number)
                if found[name] == nil {
                    found[name] = Manifest(
                        run: run, unit: unit, number: number,
                        key: try layout.manifest(run: run, unit: unit, number: number))
                }
                found[name]?.isInLedger = true
                found[name]?.isNewestNumber = true
            }
        }
        for (place, number) in highest {
            found[Name(run: place.run, unit: place.unit, number: number)]?.isNewestNumber = true
        }
        manifests = found.values.sorted {
            $0.run == $1.run ? ($0.unit, $0.number) < ($1.unit, $1.number) : $1.run < $0.run
        }
        guard isRead else {
            for index in manifests.indices { manifests[index].tenants = [manifests[index].unit] }
            return
        }
        try fill(prune)
        for index in manifests.indices {
            try Shutdown.check()
            manifests[index].tenants = try references(manifests[index], prune).tenants
        }
    }

    /// How many manifests are read at once: nearly all of it is waiting for answers.
    private static let atOnce = 8

    /// Reads into the cache what is not there yet, several at once.
    private func fill(_ prune: VaultPrune) throws(Fault) {
        guard prune.vault.store.removesByItself else { return }
        let rest = Monitor(Array(manifests.reversed()))
        let crew = ThreadCrew(onFault: { rest.with { $0.removeAll() } })
        for _ in 0..<min(Self.atOnce, manifests.count) {
            try crew.start("prune") {
                while let next = rest.with({ $0.popLast() }) {
                    try Shutdown.check()
                    _ = try references(next, prune)
                }
            }
        }
        try crew.join()
    }

    /// What the ledger's copy of a manifest names.
    private func ledgerReferences(_ manifest: Manifest, _ prune: VaultPrune) throws(Fault) -> ManifestReferences {
        let ledger = try prune.job.ledger()
        let (run, unit, number) = (manifest.run, manifest.unit, manifest.number)
        let source =
            manifest.isInLedger
            ? try ledger.open(run: run, unit: unit, number: number)
            : try ledger.openRetired(run: run, unit: unit, number: number)
        guard let source else { throw Fault(.notFound, "\(manifest.key): is not in the ledger") }
        var digest = manifest.isInLedger ? try ledger.digest(run: run, unit: unit, number: number) : nil
        if digest == nil { digest = try SHA256Hasher.digest(of: source) }
        return try prune.cache.references("sha256 \(digest?.description ?? "")") { () throws(Fault) in
            try ManifestReader(source)
        }
    }

    /// What a manifest names, by the vault's copy; by the ledger's, where the vault's can't be read or is not there.
    private func references(_ manifest: Manifest, _ prune: VaultPrune) throws(Fault) -> ManifestReferences {
        guard let head = manifest.head else { return try ledgerReferences(manifest, prune) }
        let vault = prune.vault
        // Nothing in a vault is written twice: the same key, size and date mean the same bytes.
        let identity =
            "\(vault.identity ?? vault.store.description)\n\(manifest.key)\n\(head.size)\n\(head.modified.seconds).\(head.modified.nanoseconds)"
        do throws(Fault) {
            return try prune.cache.references(identity) { () throws(Fault) in
                try ManifestReader(try vault.store.open(manifest.key))
            }
        } catch {
            guard error.code == .damaged || error.code == .notFound else { throw error }
            do throws(Fault) { return try ledgerReferences(manifest, prune) } catch let other {
                if other.code != .notFound { throw other }
                throw error.within("manifest '\(manifest.key)' can't be read, so what it needs is not known")
                    .hinting("Nothing was changed. 'ship verify \(prune.layout.job)' tells more; ship its run again.")
            }
        }
    }

    /// Calls `body` with the copies of a manifest that may differ: the ledger's, which is that of the first vault, and this
    /// vault's, where it is another one or the ledger has none that can be read.
    func forEachCopy(
        of manifest: Manifest, _ prune: VaultPrune, _ body: (any RangedSource) throws(Fault) -> Void
    ) throws(Fault) {
        let ledger = try prune.job.ledger()
        let (run, unit, number) = (manifest.run, manifest.unit, manifest.number)
        var isRead = false
        do throws(Fault) {
            let source =
                manifest.isInLedger
                ? try ledger.open(run: run, unit: unit, number: number)
                : try ledger.openRetired(run: run, unit: unit, number: number)
            if let source {
                try body(source)
                guard let head = manifest.head, !prune.isFirst || head.size != source.size else { return }
                isRead = true
            }
        } catch {
            guard manifest.head != nil, error.code == .damaged || error.code == .notFound else { throw error }
        }
        guard manifest.head != nil else {
            if isRead { return }
            throw Fault(.damaged, "manifest '\(manifest.key)' is nowhere any more, so what it needs is not known")
        }
        do throws(Fault) { try body(try prune.vault.store.open(manifest.key)) } catch {
            guard error.code == .damaged || error.code == .notFound else { throw error }
            throw error.within("manifest '\(manifest.key)' can't be read, so what it needs is not known")
                .hinting("Nothing was changed. Ship its run again.")
        }
    }

    /// The manifests in the vault, each with what it names.
    func named(_ prune: VaultPrune) throws(Fault) -> [(manifest: Manifest, references: ManifestReferences)] {
        var named: [(manifest: Manifest, references: ManifestReferences)] = []
        for manifest in manifests where manifest.head != nil {
            named.append((manifest, try references(manifest, prune)))
        }
        return named
    }

    /// Why each manifest is kept, in their order; nothing for one that may go.
    ///
    /// Decided for what the vault has, and for what the ledger has, since the next run builds on that: what either of them
    /// keeps is kept.
    func reasons(policy: RetentionPolicy, holds: [LegalHold], open: OpenRuns, now: Timestamp) -> [[String]] {
        let today = CivilDate(localDayOf: now)
        var kept: [OpenRuns.Place: [String]] = [:]
        for isLedger in [false, true] {
            var highest: [OpenRuns.Place: Set<String>] = [:]
            for manifest in manifests where isLedger ? manifest.isInLedger : manifest.head != nil {
                highest[.init(run: manifest.run, unit: manifest.unit), default: []].formUnion(manifest.tenants)
            }
            let retention = ManifestRetention(
                highest.map { .init(run: $0.key.run, unit: $0.key.unit, tenants: $0.value.sorted()) },
                openRuns: open.dates, policy: policy, holds: holds, today: today)
            for decision in retention.decisions {
                let place = OpenRuns.Place(run: decision.manifest.run, unit: decision.manifest.unit)
                for reason in decision.reasons.map(\.description) where !(kept[place] ?? []).contains(reason) {
                    kept[place, default: []].append(reason)
                }
            }
        }
        for base in open.bases { kept[base, default: []].append("an open run carries from it") }
        return manifests.map { $0.isNewestNumber ? kept[.init(run: $0.run, unit: $0.unit)] ?? [] : [] }
    }

    /// All archives that the manifests name, and which of those that are kept needs them.
    func table(kept: [Bool], _ prune: VaultPrune) throws(Fault) -> ReferenceTable {
        var table = ReferenceTable()
        for (index, manifest) in manifests.enumerated() {
            try Shutdown.check()
            for reference in try references(manifest, prune).references {
                table.add(reference, keeper: kept[index] ? index : nil)
            }
            // The next run carries by the ledger's copy, which is that of the first vault: its keys may be others.
            guard kept[index], manifest.isInLedger, manifest.head != nil else { continue }
            for reference in try ledgerReferences(manifest, prune).references { table.add(reference, keeper: index) }
        }
        return table
    }
}
