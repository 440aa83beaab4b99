import Archive
import Codec
import Console
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging
import Vault

/// The ship stage: joins packed archives with the job's vaults, and commits the manifests of what they hold.
struct ShipStage: Sendable {
    /// One archive for one vault.
    struct Unit: Sendable {
        let vault: OpenVault
        let packed: UnitRecord
    }

    let context: StageContext
    let job: JobSettings
    let jobVaults: JobVaults<OpenVault>
    let layout: VaultLayout
    /// Nothing where prices are wanted and can't be read.
    let costs: ShipmentCosts?

    /// Why a vault does not answer any more: what is left for it fails at once then.
    private let lost = Monitor<[String: Fault]>([:])

    /// Opens the vaults.
    ///
    /// - Parameters:
    ///   - context: the job, and what the command line asked for.
    ///   - isDryRun: true to leave the records of the runs alone.
    /// - Throws: what opening the vaults throws, when none can be opened; the runs that wait are recorded as failed.
    init(_ context: StageContext, isDryRun: Bool) throws(Fault) {
        self.context = context
        job = context.job
        layout = VaultLayout(job: job.name)
        costs = ShipmentCosts.ofAttempt(context)
        jobVaults = try JobVaults(context, isDryRun: isDryRun) { settings throws(Fault) in
            try .forWriting(settings, state: context.staging.state, log: context.log)
        }
    }

    var vaults: [OpenVault] { jobVaults.open }
    var away: [AwayVault] { jobVaults.away }

    func pendingRuns() throws(Fault) -> [RunDirectory] {
        try PendingRuns(context).after(.pack, for: .ship, vaults: jobVaults.identities)
    }

    /// Ships every pending run, oldest first: a later run may carry what an earlier one holds.
    ///
    /// - Parameter following: follows pack; without it what has been packed is all.
    /// - Returns: what came of the runs.
    /// - Throws: `tryLater` when there is nothing to work on yet; what keeps all runs from being worked on.
    func run(_ following: Following?) throws(Fault) -> StageResult {
        guard let following else { return try PendingRuns(context).work(on: try pendingRuns(), ship) }
        return try following.run(pending: pendingRuns, work: ship, follow: follow)
    }

    /// Gives nothing for a run in which nothing is selected.
    private func ship(_ run: RunDirectory) throws -> StageRecord? {
        let attempt = try StageAttempt(.ship, of: run, context)
        guard let upstream = try run.stageRecord(.pack)?.attempt else {
            throw Fault(.tryLater, "run \(run.date) has not been packed")
        }
        return try attempt.recordingFailure(upstream: upstream) { try ship(run, attempt, upstream) }
    }

    // MARK: Together with pack

    /// Ships the archives of a run as pack records them, and all that is left, with the manifests, once it has ended.
    private func follow(_ upstream: UpstreamAttempt) throws -> StageRecord? {
        let run = upstream.run
        let attempt = try StageAttempt(.ship, of: run, context)
        return try attempt.recordingFailure(upstream: upstream.id) {
            try attempt.open(
                upstream: upstream.id, units: 0, before: [], vaults: jobVaults.identities, pricesOf: costs?.pricesDate)
            let end = try Following.follow(upstream) { packed in
                var pending: [Unit] = []
                for vault in vaults {
                    for record in packed
                    where context.request.selects(record.unit, tenant: record.tenant) {
                        if try context.request.force || shippedRecord(record, run, vault) == nil {
                            pending.append(Unit(vault: vault, packed: record))
                        }
                    }
                }
                try perform(pending, run, attempt)
            }
            guard case .ended(let pack) = end else {
                attempt.postpone(upstream.death.message)
                _ = try attempt.close(isComplete: false)
                throw upstream.death
            }
            guard let record = try ship(run, attempt, upstream.id) else {
                return try attempt.close(isComplete: false)
            }
            try Following.checkComplete(record, of: pack, run)
            return record
        }
    }

    private func perform(_ pending: [Unit], _ run: RunDirectory, _ attempt: StageAttempt) throws(Fault) {
        for vault in vaults {
            let units = pending.filter { $0.vault.name == vault.name }
            try attempt.perform(units, atOnce: vault.unitsAtOnce, name: { $0.packed.unit }) { unit in
                if let fault = lost.with({ $0[vault.name] }) { throw fault }
                do { return try ship(unit, run, attempt: attempt.id) } catch {
                    if let fault = error as? Fault, fault.code == .unreachable {
                        lost.with { $0[vault.name] = fault.within("vault \(vault.name)") }
                    }
                    throw error
                }
            }
        }
    }

    // MARK: A run that has been packed

    private func ship(_ run: RunDirectory, _ attempt: StageAttempt, _ upstream: String) throws -> StageRecord? {
        let packed = try run.unitRecords(.pack)
        if context.request.isNarrowed, !packed.contains(where: { context.request.selects($0.unit, tenant: $0.tenant) })
        {
            return nil
        }
        let collected = try run.unitRecords(.collect)
        var pending: [Unit] = []
        var before: [UnitRecord] = []
        var left: [String] = []
        for vault in vaults {
            for record in packed {
                let isSelected = context.request.selects(record.unit, tenant: record.tenant)
                let shipped = try shippedRecord(record, run, vault)
                if shipped?.attempt == attempt.id || attempt.hasFailed(record.unit) { continue }
                if !(isSelected && context.request.force), let shipped {
                    before.append(shipped)
                } else if isSelected {
                    pending.append(Unit(vault: vault, packed: record))
                } else {
                    left.append(record.unit)
                }
            }
        }
        var manifests: [UnitRecord] = []
        // Archives that are shipped anew may get other names.
        for host in collected where try context.request.force || !isCommitted(host, packed, run) {
            manifests.append(host)
        }
        var lacking: [AwayVault] = []
        for vault in away where try lacks(vault, packed, collected, run) { lacking.append(vault) }
        let open = pending.map(\.packed.unit) + left + manifests.map(Self.manifestName) + lacking.map(\.unit)
        if let previous = attempt.previousIfComplete(upstream: upstream, pending: open.count) { return previous }
        for host in collected where !manifests.contains(where: { $0.unit == host.unit }) {
            if let vault = vaults.first,
                let record = try run.unitRecord(.ship, UnitRecord.manifestUnit(ofHost: host.unit), vault: vault.name)
            {
                before.append(record)
            }
        }
        try attempt.open(
            upstream: upstream, units: packed.count * job.vaults.count + collected.count, before: before, open: open,
            vaults: jobVaults.identities, pricesOf: costs?.pricesDate)
        for vault in lacking { attempt.fail(vault.unit, vault.fault) }
        tellCosts(of: pending)
        try perform(pending, run, attempt)

        // A host's manifest names only what every open vault holds: hosts with an archive missing wait for the next attempt.
        var ready: [UnitRecord] = []
        for host in manifests where try isWholeInVaults(host, packed, run) { ready.append(host) }
        if !ready.isEmpty {
            let lock: StageLock
            do { lock = try context.directory.lockLedger(breaking: context.request.breakLock) } catch {
                // The archives are shipped; only the manifests wait for the next attempt.
                _ = try? attempt.close(isComplete: false)
                throw error
            }
            let rescue = Rescue.taking(of: context.directory, log: context.log)
            try attempt.perform(ready, atOnce: 1, name: Self.manifestName) { host in
                try commitManifest(of: host, packed, run, attempt: attempt.id, rescue: rescue)
            }
            withExtendedLifetime(lock) {}
        } else {
            // An attempt that was killed when all was committed may have left the lock's file; taking it removes it.
            _ = try? context.directory.lockLedger(breaking: false)
        }
        return try attempt.close(isComplete: left.isEmpty && ready.count == manifests.count)
    }

    /// Logs what the archives cost in each bucket, before the first of them is on its way.
    private func tellCosts(of units: [Unit]) {
        guard !units.isEmpty, let costs else { return }
        for vault in vaults {
            var sum = CostEstimate()
            for unit in units where unit.vault.name == vault.name {
                if let cost = costs.estimate(unit.packed, vault: vault.name) { sum += cost }
            }
            if sum.objects > 0 { context.log.info("\(costs.line(sum, vault: vault.name))") }
        }
    }
}
