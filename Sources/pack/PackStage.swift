import Archive
import Codec
import Ledger
import Platform
import Settings
import Staging

/// The pack stage: joins the collected hosts on staging with archives.
struct PackStage: Sendable {
    /// An archive to be: a name of the plan, or a further volume of it for hosts that came late.
    struct Unit: Sendable {
        let name: ArchiveName
        let archive: ArchivePlan.Archive
        let inputs: [String: String]

        /// What is in it of each host, as its record tells.
        var shares: [UnitRecord.HostShare] {
            archive.shares.map {
                .init(host: $0.host, firstKey: PathEscape.escape($0.firstKey), entries: $0.entries)
            }
        }
    }

    /// The collected hosts of a run with the digests of their lists.
    struct Collected {
        var lists: [String: Digest256] = [:]
        var plan: ArchivePlan
    }

    let context: StageContext
    let job: JobSettings

    init(_ context: StageContext) {
        self.context = context
        job = context.job
    }

    /// Packs every pending run, oldest first, and what collect brings meanwhile.
    ///
    /// - Parameter following: follows collect; without it what has been collected is all.
    /// - Returns: what came of the runs.
    /// - Throws: `tryLater` when there is nothing to work on yet; what keeps all runs from being worked on.
    func run(_ following: Following?) throws(Fault) -> StageResult {
        guard let following else { return try PendingRuns(context).work(on: try pendingRuns(), pack) }
        return try following.run(pending: pendingRuns, work: pack, follow: follow)
    }

    func pendingRuns() throws(Fault) -> [RunDirectory] { try PendingRuns(context).after(.collect, for: .pack) }

    /// Gives nothing for a run in which nothing is selected.
    private func pack(_ run: RunDirectory) throws -> StageRecord? {
        let attempt = try StageAttempt(.pack, of: run, context)
        guard let upstream = try run.stageRecord(.collect)?.attempt else {
            throw Fault(.tryLater, "run \(run.date) has not been collected")
        }
        return try attempt.recordingFailure(upstream: upstream) { try pack(run, attempt, upstream) }
    }

    // MARK: Together with collect

    /// Packs the hosts of a run as collect records them, and all that is left once it has ended.
    private func follow(_ upstream: UpstreamAttempt) throws -> StageRecord? {
        let run = upstream.run
        let attempt = try StageAttempt(.pack, of: run, context)
        return try attempt.recordingFailure(upstream: upstream.id) {
            try attempt.open(upstream: upstream.id, units: 0, before: [])
            let end = try Following.follow(upstream) { hosts in
                // An archive of several hosts is closed when no more can come.
                guard job.archive.variables.contains(.host) else { return }
                try packArrived(hosts, run, attempt)
            }
            guard case .ended(let collect) = end else {
                attempt.postpone(upstream.death.message)
                _ = try attempt.close(isComplete: false)
                throw upstream.death
            }
            guard let record = try pack(run, attempt, upstream.id) else {
                return try attempt.close(isComplete: false)
            }
            try Following.checkComplete(record, of: collect, run)
            return record
        }
    }

    private func packArrived(_ hosts: [UnitRecord], _ run: RunDirectory, _ attempt: StageAttempt) throws {
        let collected = try collected(run, hosts)
        let arrived = try units(collected, run).filter {
            context.request.selects($0.name.base, tenant: $0.archive.tenant)
        }
        var pending: [Unit] = []
        for unit in arrived where try context.request.force || doneRecord(unit, run) == nil { pending.append(unit) }
        try perform(pending, collected.plan.spool, run, attempt)
    }

    // MARK: A run that has been collected

    private func pack(_ run: RunDirectory, _ attempt: StageAttempt, _ upstream: String) throws -> StageRecord? {
        if let record = try recordIfPruned(run, attempt, upstream) { return record }
        let collected = try collected(run, try run.unitRecords(.collect))
        let all = try units(collected, run)
        if context.request.isNarrowed,
            !all.contains(where: { context.request.selects($0.name.base, tenant: $0.archive.tenant) })
        {
            return nil
        }
        let orphans = try orphans(all, run)
        for record in orphans.selected { try remove(record, run) }
        var pending: [Unit] = []
        var before: [UnitRecord] = []
        var left: [String] = []
        for unit in all {
            let isSelected = context.request.selects(unit.name.base, tenant: unit.archive.tenant)
            if let record = try doneRecord(unit, run), record.attempt == attempt.id { continue }
            if attempt.hasFailed(unit.name.base) { continue }
            if !(isSelected && context.request.force), let record = try doneRecord(unit, run) {
                before.append(record)
            } else if isSelected {
                pending.append(unit)
            } else {
                left.append(unit.name.base)
            }
        }
        let open = pending.map(\.name.base) + left
        let isLeft = !left.isEmpty || !orphans.left.isEmpty
        if let previous = attempt.previousIfComplete(
            upstream: upstream, pending: open.count + orphans.left.count)
        {
            return previous
        }
        try attempt.open(upstream: upstream, units: all.count, before: before, open: open)
        try perform(pending, collected.plan.spool, run, attempt)
        return try attempt.close(isComplete: !isLeft)
    }

    /// Gives a record for a run whose content every vault holds, and staging no more: there is nothing to be done, whatever
    /// the settings say now.
    private func recordIfPruned(_ run: RunDirectory, _ attempt: StageAttempt, _ upstream: String) throws -> StageRecord?
    {
        let mark = try run.pruneMark()
        let hosts = try run.unitRecords(.collect)
        let packed = try run.unitRecords(.pack)
        guard !context.request.force, !packed.isEmpty, hosts.allSatisfy({ mark.time(of: $0) != nil }) else {
            return nil
        }
        let known = Set(packed.flatMap { Self.hosts(of: $0) })
        // A host whose entries were all carried is in no archive.
        guard hosts.allSatisfy({ known.contains($0.unit) || $0.counts["taken"] ?? 0 == 0 }) else { return nil }
        if let previous = attempt.previousIfComplete(upstream: upstream, pending: 0) { return previous }
        try attempt.open(upstream: upstream, units: packed.count, before: packed)
        return try attempt.close(isComplete: true)
    }

    /// Writes archives, several at once.
    private func perform(
        _ pending: [Unit], _ spool: SpooledEntries, _ run: RunDirectory, _ attempt: StageAttempt
    ) throws {
        if pending.isEmpty { return }
        let workers = context.configuration.workers
        let atOnce = max(2, workers)
        let crew = try CompressorCrew(workers: workers, archives: atOnce)
        let writer = ArchiveWriter(crew: crew, scratch: context.staging.scratch)
        do {
            try attempt.perform(pending, atOnce: atOnce, name: { $0.name.base }) { unit in
                try write(unit, spool, run, writer, attempt: attempt.id)
            }
        } catch {
            try? crew.finish()
            throw error
        }
        try crew.finish()
    }
}
