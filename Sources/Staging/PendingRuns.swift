package import Ledger
package import Platform
import Settings

/// Which runs a stage has to work on.
package struct PendingRuns {
    private let context: StageContext

    package init(_ context: StageContext) { self.context = context }

    /// The dates for collect, oldest first: the one asked for, or the day that `run` names and the missed ones before it,
    /// back to `catch_up`.
    ///
    /// A date that staging does not know and the ledger has whole was not missed.
    ///
    /// - Parameter hasSource: whether the source of a missed date is there at all; asked only for dates never begun.
    /// - Returns: the dates; one at the least.
    /// - Throws: `usage` for a day that has not come: no tree can be of it, and where the path carries no date, the tree of
    ///   today would be stored under it; `damaged` for a record that can't be read; what `hasSource` throws; the system's
    ///   fault.
    package func forCollect(hasSource: (CivilDate) throws(Fault) -> Bool) throws(Fault) -> [CivilDate] {
        let today = context.clock.today
        if let date = context.request.run {
            guard date <= today else {
                throw Fault(
                    .usage, "--run \(date): that day has not come, today is \(today) in \(context.job.timezone)")
            }
            return [date]
        }
        let newest = today.adding(days: -context.job.daysBehind)
        guard context.job.isDated || context.job.kind == .warehouse else { return [newest] }
        var dates: [CivilDate] = []
        for back in stride(from: context.job.catchUp.days, to: 0, by: -1) {
            let date = newest.adding(days: -back)
            if let run = try context.directory.run(date), let record = try run.stageRecord(.collect) {
                let done = Set(try run.unitRecords(.collect).map(\.unit))
                // Which databases a warehouse has is known when they are collected.
                let isDone =
                    context.job.kind == .warehouse
                    ? record.failed.isEmpty && record.leftOut == 0 && !done.isEmpty
                    : context.job.hosts.allSatisfy { done.contains($0.name) }
                if !isDone { dates.append(date) }
            } else if try !isHeld(date), try hasSource(date) {
                dates.append(date)
            }
        }
        return dates + [newest]
    }

    /// Whether the ledger names every host of a date of which staging has nothing: a server whose ledger was made anew from
    /// the vaults has missed no night that they hold, or that retention has let go.
    private func isHeld(_ date: CivilDate) throws(Fault) -> Bool {
        guard context.job.kind == .hosts, try context.directory.directory.exists("ledger") else { return false }
        let ledger = try context.directory.ledger()
        var held = Set(try ledger.units(of: date).keys)
        if let retired = try ledger.retiredDirectory(of: date, makes: false) {
            held.formUnion(try retired.names().compactMap { LedgerDirectory.parse($0.description)?.unit })
        }
        return context.job.hosts.allSatisfy { held.contains($0.name) }
    }

    /// The runs for pack or ship, oldest first: the one asked for, or all that the stage before has worked on since.
    ///
    /// - Parameters:
    ///   - upstream: the stage before.
    ///   - stage: the stage that asks.
    ///   - vaults: the identities of the vaults by their names: what was done for another vault of a name is not done.
    /// - Returns: the runs that have work.
    /// - Throws: `tryLater` when the run that was asked for is not ready; `notFound` when there is no such run.
    package func after(_ upstream: Stage, for stage: Stage, vaults: [String: String] = [:]) throws(Fault)
        -> [RunDirectory]
    {
        if let date = context.request.run {
            guard let run = try context.directory.run(date) else {
                throw Fault(
                    .notFound, "job '\(context.job.name)' has no run \(date)",
                    hint:
                        "Run 'collect \(context.job.name) --run \(date)' first; '\(stage.rawValue) status \(context.job.name)' lists the runs."
                )
            }
            guard try isReady(run, upstream) else {
                let what = "\(upstream.rawValue) \(context.job.name) \(date)"
                let state = try run.stageRecord(upstream)?.state
                let isRunning = try StageAttempt.isRunning(upstream, run)
                let why =
                    state == .running && !isRunning
                    ? " was killed before it had anything to hand on"
                    : state == .failed ? " has failed and hands nothing on" : " has not ended yet"
                throw Fault(.tryLater, what + why)
            }
            return [run]
        }
        var pending: [RunDirectory] = []
        for date in try context.directory.runs() {
            guard let run = try context.directory.run(date) else { continue }
            let before: StageRecord
            let own: StageRecord?
            do {
                guard try isReady(run, upstream), let record = try run.stageRecord(upstream) else { continue }
                (before, own) = (record, try run.stageRecord(stage))
            } catch {
                // A record that is torn fails its own run, which tells of it; the others are not kept waiting.
                if error.code != .damaged { throw error }
                pending.append(run)
                continue
            }
            let isElsewhere = own?.vaults?.contains { name, id in vaults[name] ?? id != id } ?? false
            if context.request.force || own?.state != .done || own?.upstream != before.attempt || isElsewhere {
                pending.append(run)
            }
        }
        return pending
    }

    /// Works on runs, one after the other, and refuses a selection that nothing in them matches.
    ///
    /// - Parameters:
    ///   - runs: those that ``after(_:for:vaults:)`` has given.
    ///   - body: works on one; gives nothing for a run in which nothing is selected.
    /// - Returns: what came of them.
    /// - Throws: as ``StageResult/init(of:_:)`` and ``checkSelection(wasPending:)``.
    package func work(on runs: [RunDirectory], _ body: (RunDirectory) throws -> StageRecord?) throws(Fault)
        -> StageResult
    {
        let result = try StageResult(of: runs, body)
        if result.records.isEmpty { try checkSelection(wasPending: !runs.isEmpty) }
        return result
    }

    /// Refuses a selection that no archive of the job has: a typing error must not look like work done.
    ///
    /// Called when nothing was selected. Where no run was pending, what is packed already tells whether the selection is
    /// wrong, or there is just nothing to do.
    ///
    /// - Parameter wasPending: true when there were runs, and nothing in them matched.
    /// - Throws: `notFound` for a selection that nothing matches.
    package func checkSelection(wasPending: Bool) throws(Fault) {
        guard context.request.isNarrowed else { return }
        if wasPending { return try context.request.checkMatches(false, "archive") }
        var isAnyPacked = false
        for date in try context.directory.runs().reversed() {
            guard let run = try context.directory.run(date) else { continue }
            for record in try run.unitRecords(.pack) {
                if context.request.selects(record.unit, tenant: record.tenant) { return }
                isAnyPacked = true
            }
        }
        if isAnyPacked { try context.request.checkMatches(false, "archive") }
    }

    /// Whether the stage before has ended its attempt and made something; a dead attempt counts as ended.
    ///
    /// After one that failed or was killed before its first unit there is nothing to do here, and a run without archives
    /// must not look done.
    private func isReady(_ run: RunDirectory, _ upstream: Stage) throws(Fault) -> Bool {
        guard let record = try run.stageRecord(upstream) else { return false }
        switch record.state {
        case .done, .partial: return true
        case .running: if try StageAttempt.isRunning(upstream, run) { return false }
        case .failed: break
        }
        return try !run.unitRecords(upstream).isEmpty
    }
}
