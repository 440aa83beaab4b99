import Codec
import Ledger
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// The manifest that pack has planned of a database, with the names that one vault has for what it carries.
struct PlannedManifest: Sendable {
    /// As pack has made it where the vault's names are those of the ledger, else a file without a name.
    private(set) var source: FileSource
    private(set) var totals: VaultPlan.Totals

    /// Reads what the vault has, and writes its own plan where that differs.
    ///
    /// - Parameters:
    ///   - planned: what pack has made.
    ///   - packed: its record.
    ///   - run: the run.
    ///   - vault: the vault.
    ///   - keys: where the vault's copies of this run go.
    ///   - stage: the job; with `--force` all that is carried is looked for, and what the vault has lost is taken anew.
    /// - Throws: `damaged` for a manifest of the vault that can't be read: what it has is not known then.
    init(
        _ planned: FileSource, _ packed: UnitRecord, _ run: RunDirectory, _ vault: BucketVault, _ keys: DestinationKeys,
        _ stage: DatabaseStage
    ) throws(Fault) {
        source = planned
        totals = VaultPlan.Totals()
        // A snapshot has all in its own bucket.
        guard stage.warehouse.mode == .incremental, packed.counts["carried.objects"] ?? 1 > 0 else { return }
        let plan = VaultPlan(run: run.date, keys, storageClass: vault.settings.storageClass)
        if let base = Self.base(packed) { try resolve(plan, base, packed.unit, run.date, vault, stage) }
        if stage.context.request.force { try takeLost(plan, HeldCheck(but: run.date, keys, vault.places), stage) }
    }

    /// Gives what is carried the names of the vault.
    private mutating func resolve(
        _ plan: VaultPlan, _ base: (run: CivilDate, number: Int), _ unit: String, _ run: CivilDate,
        _ vault: BucketVault,
        _ stage: DatabaseStage
    ) throws(Fault) {
        let digest = try stage.context.directory.ledger().existingDigest(
            run: base.run, unit: unit, number: base.number)
        let found = try VaultBase.find(unit, before: run, held: (base.run, digest), stage.layout, in: vault.store)
        guard found != .ledger else { return }
        var own: ManifestReader?
        let file = try stage.context.staging.scratch.unnamedFile()
        let writer = try ManifestWriter(file)
        do throws(Fault) {
            if case .own(let key) = found { own = try ManifestReader(try vault.store.open(key)) }
            totals = try plan.write(try reader(), held: own, into: writer)
        } catch {
            guard case .own(let key) = found, [.damaged, .notFound].contains(error.code) else { throw error }
            throw error.within("manifest '\(key)' can't be read, so what the vault has is not known").hinting(
                "Move it away, and run the same command again: all that the plan carries is looked for in the vault then."
            )
        }
        _ = try writer.finish()
        source = try FileSource(file)
    }

    /// Takes anew what is carried and is not in the vault as it should be.
    private mutating func takeLost(_ plan: VaultPlan, _ check: HeldCheck, _ stage: DatabaseStage) throws(Fault) {
        var lost = (missing: KeyDigests(), other: KeyDigests())
        let source = source
        try check.find({ () throws(Fault) in try ManifestReader(source) }) { (row, loss) throws(Fault) in
            if loss == .missing { lost.missing.add(row.entry.key) } else { lost.other.add(row.entry.key) }
        }
        guard lost.missing.count + lost.other.count > 0 else { return }
        lost.missing.sort()
        lost.other.sort()
        let file = try stage.context.staging.scratch.unnamedFile()
        let writer = try ManifestWriter(file)
        try plan.write(try reader(), lost: lost, &totals, into: writer)
        _ = try writer.finish()
        self.source = try FileSource(file)
    }

    /// The manifest of the ledger on which a plan is built.
    private static func base(_ packed: UnitRecord) -> (run: CivilDate, number: Int)? {
        let parts = (packed.inputs["held"] ?? "").split(separator: ".")
        guard parts.count == 2, let run = CivilDate(String(parts[0])), let number = Int(parts[1]) else { return nil }
        return (run, number)
    }

    func reader() throws(Fault) -> ManifestReader { try ManifestReader(source) }
}
