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
    /// - Parameter hasSource: whether the source of a missed date is there at all; asked only for dates never begun.
    /// - Returns: the dates; one at the least.
    /// - Throws: `damaged` for a record that can't be read; what `hasSource` throws; the system's fault.
    package func forCollect(hasSource: (CivilDate) throws(Fault) -> Bool) throws(Fault) -> [CivilDate] {
        if let date = context.request.run { return [date] }
        let newest = context.clock.today.adding(days: context.job.run == .yesterday ? -1 : 0)
        guard context.job.isDated else { return [newest] }
        var dates: [CivilDate] = []
        for back in stride(from: context.job.catchUp.days, to: 0, by: -1) {
            let date = newest.adding(days: -back)
            if let run = try context.directory.run(date), try run.stageRecord(.collect) != nil {
                let done = Set(try run.unitRecords(.collect).map(\.unit))
                if !context.job.hosts.allSatisfy({ done.contains($0.name) }) { dates.append(date) }
            } else if try hasSource(date) {
                dates.append(date)
            }
        }
        return dates + [newest]
    }

    /// The runs for pack or ship, oldest first: the one asked for, or all that the stage before has worked on since.
    ///
    /// - Throws: `tryLater` when the run that was asked for is not ready; `notFound` when there is no such run.
    package func after(_ upstream: Stage, for stage: Stage) throws(Fault) -> [RunDirectory] {
        if let date = context.request.run {
            guard let run = try context.directory.run(date) else {
                throw Fault(
                    .notFound, "job '\(context.job.name)' has no run \(date)",
                    hint:
                        "Run 'collect \(context.job.name) --run \(date)' first; '\(stage.rawValue) status \(context.job.name)' lists the runs."
                )
            }
            guard try isReady(run, upstream) else {
                let hasFailed = try run.stageRecord(upstream)?.state == .failed
                let what = "\(upstream.rawValue) \(context.job.name) \(date)"
                throw Fault(.tryLater, what + (hasFailed ? " has failed and hands nothing on" : " has not ended yet"))
            }
            return [run]
        }
        var pending: [RunDirectory] = []
        for date in try context.directory.runs() {
            guard let run = try context.directory.run(date), try isReady(run, upstream),
                let before = try run.stageRecord(upstream)
            else { continue }
            let own = try run.stageRecord(stage)
            if context.request.force || own?.state != .done || own?.upstream != before.attempt { pending.append(run) }
        }
        return pending
    }

    /// Whether the stage before has ended its attempt and made something; a dead attempt counts as ended.
    ///
    /// After one that failed altogether there is nothing to do here, and a run without archives must not look done.
    private func isReady(_ run: RunDirectory, _ upstream: Stage) throws(Fault) -> Bool {
        guard let record = try run.stageRecord(upstream) else { return false }
        if record.state == .failed { return try !run.unitRecords(upstream).isEmpty }
        if record.state != .running { return true }
        return try !StageAttempt.isRunning(upstream, run)
    }
}
