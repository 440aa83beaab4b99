import Codec
import Ledger
import Platform
import Staging
import Vault

/// All manifests of a job in one vault and in the ledger, and which of them count.
struct ManifestCensus {
    struct Manifest: Sendable {
        var run: CivilDate
        var unit: String
        var number: Int
        var key: ObjectKey
        /// What the vault says of it; nothing when only the ledger has it.
        var head: ObjectHead?
        var isInLedger = false
        /// Whether it has the highest number of its unit and run, in the vault or in the ledger.
        var isNewestNumber = false
        /// Sorted; one list for all manifests that have the same.
        var tenants: [String] = []

        var name: String { "run \(run) \(unit)" }
    }

    private(set) var manifests: [Manifest] = []
    /// What they name; nothing where they are not read.
    private let named: NamedArchives?

    private struct Name: Hashable {
        var run: CivilDate
        var unit: String
        var number: Int
    }

    /// Lists the manifests, newest run first, and reads what they name.
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
            let place = OpenRuns.Place(run: name.run, unit: name.unit)
            highest[place] = max(highest[place] ?? 0, name.number)
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
            self.named = nil
            for index in manifests.indices { manifests[index].tenants = [manifests[index].unit] }
            return
        }
        let named = try NamedArchives(manifests.count, scratch: prune.cache.directory)
        let all = manifests
        try named.read(atOnce: prune.vault.store.removesByItself ? Self.atOnceInBucket : max(2, Processors.available)) {
            index, each throws(Fault) in
            try Self.forEachReference(of: all[index], prune, each)
        }
        for index in manifests.indices { manifests[index].tenants = named.tenants(of: index) }
        self.named = named
    }

    /// How many manifests are read at once: nearly all of it is waiting for answers.
    private static let atOnceInBucket = 8

    /// Takes a row of ``ReferenceCache``.
    typealias Each = (RowReader) throws(Fault) -> Void

    /// Reads what the ledger's copy of a manifest names.
    private static func forEachLedgerReference(of manifest: Manifest, _ prune: VaultPrune, _ each: Each) throws(Fault)
        -> Digest256
    {
        let ledger = try prune.job.ledger()
        let (run, unit, number) = (manifest.run, manifest.unit, manifest.number)
        let source =
            manifest.isInLedger
            ? try ledger.open(run: run, unit: unit, number: number)
            : try ledger.openRetired(run: run, unit: unit, number: number)
        guard let source else { throw Fault(.notFound, "\(manifest.key): is not in the ledger") }
        var digest = manifest.isInLedger ? try ledger.digest(run: run, unit: unit, number: number) : nil
        if digest == nil { digest = try SHA256Hasher.digest(of: source) }
        return try prune.cache.forEachReference(
            "sha256 \(digest?.description ?? "")", { () throws(Fault) -> any RangedSource in source }, each)
    }

    /// Reads what a manifest names, by the vault's copy; by the ledger's, where the vault's can't be read or is not there.
    ///
    /// - Returns: the digest of the copy that was read.
    @discardableResult
    private static func forEachReference(of manifest: Manifest, _ prune: VaultPrune, _ each: Each) throws(Fault)
        -> Digest256
    {
        guard let head = manifest.head else { return try forEachLedgerReference(of: manifest, prune, each) }
        let vault = prune.vault
        // Nothing in a vault is written twice: the same key, size and date mean the same bytes.
        let identity =
            "\(vault.identity ?? vault.store.description)\n\(manifest.key)\n\(head.size)\n\(head.modified.seconds).\(head.modified.nanoseconds)"
        do throws(Fault) {
            return try prune.cache.forEachReference(
                identity, { () throws(Fault) -> any RangedSource in try vault.store.open(manifest.key) }, each)
        } catch {
            guard error.code == .damaged || error.code == .notFound else { throw error }
            do throws(Fault) { return try forEachLedgerReference(of: manifest, prune, each) } catch let other {
                if other.code != .notFound { throw other }
                throw error.within("manifest '\(manifest.key)' can't be read, so what it needs is not known")
                    .hinting("Nothing was changed. 'ship verify \(prune.layout.job)' tells more; ship its run again.")
            }
        }
    }

    /// Calls `body` with the copies of a manifest that may differ: the ledger's, which is that of one vault, and this
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
                guard manifest.head != nil, try !isSame(source, as: manifest, prune) else { return }
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

    /// Whether the vault's copy of a manifest has the bytes of the ledger's: the size says so nearly always, and the digest
    /// beside it for certain, since two vaults may hold the same under other names.
    private func isSame(_ source: FileSource, as manifest: Manifest, _ prune: VaultPrune) throws(Fault) -> Bool {
        guard let head = manifest.head, head.size == source.size,
            let digest = try prune.layout.digest(ofManifest: manifest.key, in: prune.vault.store)
        else { return false }
        return try SHA256Hasher.digest(of: source) == digest
    }

    /// Calls `each` once with every archive that a manifest in the vault names, and with all whose entries it holds.
    func forEachNamed(
        _ prune: VaultPrune, _ each: (_ object: String, _ tenants: [String]) throws(Fault) -> Void
    ) throws(Fault) {
        guard let named else { return }
        for manifest in manifests where manifest.head != nil {
            try Shutdown.check()
            try Self.forEachReference(of: manifest, prune) { row throws(Fault) in
                if let tenants = named.first(try row.key(0)) { try each(try row.text(0), tenants) }
            }
        }
    }

    /// Why each manifest is kept, in their order; nothing for one that may go.
    ///
    /// Decided for what the vault has, and for what the ledger has, since the next run builds on that: what either of them
    /// keeps is kept.
    func reasons(policy: RetentionPolicy, holds: [LegalHold], open: OpenRuns, now: Timestamp) -> [[String]] {
        let today = CivilDate(localDayOf: now)
        var kept: [OpenRuns.Place: [String]] = [:]
        for isLedger in [false, true] {
            var places: [OpenRuns.Place: [String]] = [:]
            for manifest in manifests where isLedger ? manifest.isInLedger : manifest.head != nil {
                let place = OpenRuns.Place(run: manifest.run, unit: manifest.unit)
                let known = places[place] ?? manifest.tenants
                places[place] = known == manifest.tenants ? known : Set(known + manifest.tenants).sorted()
            }
            let retention = ManifestRetention(
                places.map { .init(run: $0.key.run, unit: $0.key.unit, tenants: $0.value) },
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

    /// All archives that the manifests name, which of those that are kept needs them, and with which they go.
    ///
    /// - Parameters:
    ///   - kept: whether each manifest is kept.
    ///   - goes: whether each begins to go now, or waits for its turn.
    ///   - prune: of the vault.
    /// - Returns: the table; as it is until the next call.
    /// - Throws: the fault of a manifest that can't be read.
    func table(kept: [Bool], goes: [Bool], _ prune: VaultPrune) throws(Fault) -> ReferenceTable {
        guard let named else { return ReferenceTable() }
        named.table.forgetKeepers()
        let ledger = try prune.job.ledger()
        for (index, manifest) in manifests.enumerated() {
            if kept[index] {
                try named.forEach(of: index) { named.table.keep($0, for: index) }
                // The next run carries by the ledger's copy, which is that of the first vault: its keys may be others.
                guard manifest.isInLedger, manifest.head != nil else { continue }
                let other = try ledger.digest(run: manifest.run, unit: manifest.unit, number: manifest.number)
                guard other == nil || other != named.digest(of: index) else { continue }
                try named.forEachInLedger(of: index, { named.table.keep($0, for: index) }) { each throws(Fault) in
                    try Self.forEachLedgerReference(of: manifest, prune, each)
                }
            } else if goes[index] {
                try named.forEach(of: index) { named.table.letGo($0, with: manifest.run) }
            }
        }
        return named.table
    }
}
