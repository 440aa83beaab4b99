import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// The ship stage of a job of kind `warehouse`: copies what pack has planned from bucket to bucket, and commits the
/// manifests of what the vaults hold.
struct DatabaseStage: Sendable {
    let context: StageContext
    let job: JobSettings
    let warehouse: WarehouseSettings
    let jobVaults: JobVaults<BucketVault>
    let layout: VaultLayout
    /// One thread at a time commits.
    let commits = Monitor(())
    /// Nothing where prices are wanted and can't be read.
    let costs: ShipmentCosts?

    /// Opens the vaults.
    ///
    /// - Throws: `settings` for a vault that is no bucket; what opening the vaults throws, when none can be opened.
    init(_ context: StageContext, _ warehouse: WarehouseSettings, isDryRun: Bool) throws(Fault) {
        self.context = context
        self.warehouse = warehouse
        job = context.job
        layout = VaultLayout(job: job.name)
        costs = ShipmentCosts.ofAttempt(context)
        jobVaults = try JobVaults(context, isDryRun: isDryRun) { settings throws(Fault) in
            let open = try OpenVault.forWriting(
                settings, state: context.staging.state, requests: warehouse.copiesAtOnce, log: context.log)
            return try BucketVault(settings, open)
        }
    }

    var vaults: [BucketVault] { jobVaults.open }
    var away: [AwayVault] { jobVaults.away }

    func pendingRuns() throws(Fault) -> [RunDirectory] {
        try PendingRuns(context).after(.pack, for: .ship, vaults: jobVaults.identities)
    }

    /// Ships every pending run, oldest first.
    ///
    /// - Parameter following: follows pack; without it what has been packed is all.
    /// - Returns: what came of the runs.
    /// - Throws: `tryLater` when there is nothing to work on yet; what keeps all runs from being worked on.
    func run(_ following: Following?) throws(Fault) -> StageResult {
        guard let following else { return try PendingRuns(context).work(on: try pendingRuns(), ship) }
        return try following.run(pending: pendingRuns, work: ship) { upstream in
            // A database is copied only when its manifest is there as a whole, so all begins where pack has ended.
            let end = try Following.follow(upstream) { _ in }
            guard case .ended(let pack) = end else { throw upstream.death }
            let record = try ship(upstream.run)
            if let record { try Following.checkComplete(record, of: pack, upstream.run) }
            return record
        }
    }

    /// Gives nothing for a run in which nothing is selected.
    private func ship(_ run: RunDirectory) throws -> StageRecord? {
        // For as long as the run is worked on: two runs would both find the same places free.
        let lock = try lockCopies(for: run)
        defer { withExtendedLifetime(lock) {} }
        let attempt = try StageAttempt(.ship, of: run, context)
        guard let upstream = try run.stageRecord(.pack)?.attempt else {
            throw Fault(.tryLater, "run \(run.date) has not been packed")
        }
        return try attempt.recordingFailure(upstream: upstream) { try ship(run, attempt, upstream) }
    }

    private func ship(_ run: RunDirectory, _ attempt: StageAttempt, _ upstream: String) throws -> StageRecord? {
        let packed = try run.unitRecords(.pack)
        if context.request.isNarrowed, !packed.contains(where: { context.request.selects($0.unit, tenant: $0.unit) }) {
            return nil
        }
        var pending: [UnitRecord] = []
        var before: [UnitRecord] = []
        var left: [String] = []
        for record in packed {
            let isSelected = context.request.selects(record.unit, tenant: record.unit)
            let shipped = try shippedRecord(record, run)
            if !(isSelected && context.request.force), let shipped {
                before.append(shipped)
            } else if isSelected {
                pending.append(record)
            } else {
                left.append(record.unit)
            }
        }
        let open = pending.map(\.unit) + left + away.map(\.unit)
        if let previous = attempt.previousIfComplete(upstream: upstream, pending: open.count) { return previous }
        try attempt.open(
            upstream: upstream, units: packed.count, before: before, open: open, vaults: jobVaults.identities,
            pricesOf: costs?.pricesDate)
        for vault in away { attempt.fail(vault.unit, vault.fault) }
        if !pending.isEmpty {
            let snapshot = try prepareSnapshots(run)
            let openRuns = try BegunJobs.openRuns(context.directory, shipping: run)
            let atOnce = min(warehouse.databasesAtOnce, pending.count)
            // Some wait for a job of another service, or for the last of their objects.
            let threads = min(warehouse.copiesAtOnce, max(4, 2 * warehouse.copiesAtOnce / max(1, atOnce)))
            try attempt.perform(pending, atOnce: atOnce, name: \.unit) { packed in
                let shipment = try DatabaseShipment(
                    self, packed, run, attempt: attempt.id, threads: threads, snapshot, openRuns: openRuns)
                return try shipment.ship()
            }
        }
        return try attempt.close(isComplete: left.isEmpty)
    }

    /// The lock under which one run at a time is copied.
    private func lockCopies(for run: RunDirectory) throws(Fault) -> StageLock {
        do throws(Fault) { return try context.directory.lockCopies(breaking: context.request.breakLock) } catch {
            guard error.code == .tryLater else { throw error }
            var other: CivilDate?
            for date in try context.directory.runs() where date != run.date {
                guard let one = try context.directory.run(date), try StageAttempt.isRunning(.ship, one) else {
                    continue
                }
                other = date
                break
            }
            // Of the same run the lock of the run tells more.
            guard let other else {
                _ = try StageAttempt.lock(.ship, of: run)
                throw error
            }
            throw error.within(
                "ship \(job.name) is at work on run \(other), and run \(run.date) waits for it: a warehouse is copied one run at a time"
            )
        }
    }

    /// The record of a database that every vault of the job holds, as far as it can be opened.
    func shippedRecord(_ packed: UnitRecord, _ run: RunDirectory) throws(Fault) -> UnitRecord? {
        var first: UnitRecord?
        for vault in vaults {
            guard let record = try run.unitRecord(.ship, packed.unit, vault: vault.name),
                record.inputs == (try Self.inputs(packed, away: away)), vault.vault.isTold(by: record)
            else { return nil }
            first = first ?? record
        }
        return first
    }

    /// Where the copies of a run lie in a vault.
    func keys(run: CivilDate, in vault: BucketVault) throws(Fault) -> DestinationKeys {
        switch warehouse.mode {
        case .full: return DestinationKeys(snapshot: try snapshotBucket(run))
        case .incremental: return DestinationKeys(job: job.name, run: run, prefix: vault.store.prefix)
        }
    }

    /// What a shipment is made from: the manifest that was planned.
    static func inputs(_ packed: UnitRecord, away: [AwayVault]) throws(Fault) -> [String: String] {
        let manifest = try plannedManifest(packed)
        var inputs = [manifest.path: manifest.sha256.description]
        // Once they are back, or no vaults of the job any more, the database is due again, and then for the ledger, too.
        for vault in away { inputs["without vault " + vault.name] = "" }
        return inputs
    }

    static func plannedManifest(_ packed: UnitRecord) throws(Fault) -> UnitRecord.Output {
        guard let manifest = packed.outputs.first(where: { $0.path.hasSuffix(".manifest.tsv.gz") }) else {
            throw Fault(.damaged, "\(packed.unit): its pack record names no manifest")
        }
        return manifest
    }
}
