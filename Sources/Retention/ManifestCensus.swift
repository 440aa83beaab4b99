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
    private let archives = ReferenceTable()

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
        try Self.fill(manifests, prune)
        for index in manifests.indices {
            try Shutdown.check()
            let archives = archives
            var tenants: Set<Int32> = []
            try Self.forEachReference(of: manifests[index], prune) { row throws(Fault) in
                tenants.insert(try archives.add(row, keeper: nil))
            }
            manifests[index].tenants = archives.tenants(tenants)
        }
    }

    /// How many manifests are read at once: nearly all of it is waiting for answers.
    private static let atOnceInBucket = 8

    /// Reads into the cache what is not there yet, several at once.
    private static func fill(_ manifests: [Manifest], _ prune: VaultPrune) throws(Fault) {
        let atOnce = prune.vault.store.removesByItself ? atOnceInBucket : max(2, Processors.available)
        let rest = Monitor(Array(manifests.reversed()))
        let crew = ThreadCrew(onFault: { rest.with { $0.removeAll() } })
        for _ in 0..<min(atOnce, manifests.count) {
            try crew.start("prune") {
                while let next = rest.with({ $0.popLast() }) {
                    try Shutdown.check()
                    try Self.forEachReference(of: next, prune, nil)
                }
            }
        }
        try crew.join()
    }

    /// Takes a row of ``ReferenceCache``.
    typealias Each = (RowReader) throws(Fault) -> Void

    private static func read(
        _ identity: String, _ prune: VaultPrune, _ each: Each?, _ open: () throws(Fault) -> ManifestReader
    ) throws(Fault) {
        guard let each else { return try prune.cache.fill(identity, open) }
        try prune.cache.forEachReference(identity, open, each)
    }

    /// Reads what the ledger's copy of a manifest names.
    private static func forEachLedgerReference(of manifest: Manifest, _ prune: VaultPrune, _ each: Each?) throws(Fault)
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
        try read("sha256 \(digest?.description ?? "")", prune, each) { () throws(Fault) in
            try ManifestReader(source)
        }
    }

    /// Reads what a manifest names, by the vault's copy; by the ledger's, where the vault's can't be read or is not there.
    ///
    /// Without `each` all that is read is put into the cache.
    private static func forEachReference(of manifest: Manifest, _ prune: VaultPrune, _ each: Each?) throws(Fault) {
        guard let head = manifest.head else { return try forEachLedgerReference(of: manifest, prune, each) }
        let vault = prune.vault
        // Nothing in a vault is written twice: the same key, size and date mean the same bytes.
        let identity =
            "\(vault.identity ?? vault.store.description)\n\(manifest.key)\n\(head.size)\n\(head.modified.seconds).\(head.modified.nanoseconds)"
        do throws(Fault) {
            try read(identity, prune, each) { () throws(Fault) in
                try ManifestReader(try vault.store.open(manifest.key))
            }
        } catch {
            guard error.code == .damaged || error.code == .notFound else { throw error }
            do throws(Fault) { return try forEachLedgerReference(of: manifest, prune, each) } catch let other {
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

    /// Calls `each` with every archive that a manifest in the vault names.
    func forEachNamed(
        _ prune: VaultPrune,
        _ each: @escaping (_ manifest: Manifest, _ object: String, _ tenants: [String]) throws(Fault) -> Void
    ) throws(Fault) {
        for manifest in manifests where manifest.head != nil {
            try Shutdown.check()
            try Self.forEachReference(of: manifest, prune) { row throws(Fault) in
                let tenants = try row.text(2).split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                try each(manifest, try row.text(0), tenants)
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
        archives.forgetKeepers()
        for (index, manifest) in manifests.enumerated() where kept[index] {
            try Shutdown.check()
            let archives = archives
            let add: Each = { row throws(Fault) in _ = try archives.add(row, keeper: index) }
            try Self.forEachReference(of: manifest, prune, add)
            // The next run carries by the ledger's copy, which is that of the first vault: its keys may be others.
            guard manifest.isInLedger, manifest.head != nil else { continue }
            try Self.forEachLedgerReference(of: manifest, prune, add)
        }
        return archives
    }
}
