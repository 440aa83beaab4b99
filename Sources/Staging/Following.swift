package import Ledger
package import Platform
package import Settings

/// `--follow`: a stage that is at work together with the one before, and ends with it.
package struct Following {
    private let upstream: Stage
    private let context: StageContext
    private let wait: Period
    private let betweenRuns: Double

    /// The pause between two looks at staging, in seconds.
    private static let pause = 0.5
    /// How much of its time a follower may spend looking.
    private static let share = 0.05

    /// The end of a follower whose units are done, but not those of the attempt that it followed.
    package struct Incomplete: Error {
        package let record: StageRecord
        package let fault: Fault

        init(_ record: StageRecord, of upstream: StageRecord) {
            self.record = record
            let isLater = !upstream.failed.isEmpty && upstream.failed.allSatisfy { $0.isLater == true }
            fault = Fault(
                isLater ? .tryLater : .incomplete,
                "\(upstream.stage.rawValue) \(upstream.job) \(upstream.run) ended \(upstream.state.rawValue)",
                hint: "Run it again, and this stage after it, for the units that are missing.")
        }
    }

    /// - Parameters:
    ///   - upstream: the stage before.
    ///   - context: the job, and what the command line asked for.
    ///   - wait: how long an attempt of the stage before may take to begin.
    ///   - betweenRuns: how many seconds a further run may take to begin, once one has ended: collect goes from date to
    ///     date.
    package init(_ upstream: Stage, _ context: StageContext, wait: Period, betweenRuns: Double = 5) {
        self.upstream = upstream
        self.context = context
        self.wait = wait
        self.betweenRuns = betweenRuns
    }

    /// Does what is pending, then follows each attempt of the stage before that runs or begins within the wait.
    ///
    /// One that begins and ends between two looks, while another is followed, is pending at the next look: no run that the
    /// stage before ends meanwhile is left. Each attempt is worked on once, whatever came of it.
    ///
    /// - Parameters:
    ///   - pending: gives the runs that the stage before has ended, and that have work.
    ///   - work: works on one of them; gives nothing for a run in which nothing is selected.
    ///   - follow: follows one attempt to its end; gives nothing for a run in which nothing is selected.
    /// - Returns: what came of all runs; its fault is `tryLater` where an attempt died. A run that can't be worked on keeps
    ///   no other from it.
    /// - Throws: `tryLater` when there was nothing to do or to follow, and the stage before has not done its day's
    ///   run; `interrupted` after a signal; `notFound` for a
    ///   selection that nothing matches.
    package func run(
        pending: () throws(Fault) -> [RunDirectory], work: (RunDirectory) throws -> StageRecord?,
        follow: (UpstreamAttempt) throws -> StageRecord?
    ) throws(Fault) -> StageResult {
        let isOneRun = context.request.run != nil
        var results = Results()
        if !isOneRun { _ = try takePending(pending, work, &results) }
        var deadline = Clock.monotonic() + Double(wait.seconds)
        while true {
            try Shutdown.check()
            let began = Clock.monotonic()
            if let attempt = try running(except: results.seen) {
                results.seen.insert(attempt.id)
                try results.add { try follow(attempt) }
                if isOneRun { return results.result }
            } else {
                let isAny = isOneRun ? false : try takePending(pending, work, &results)
                if !isAny {
                    let now = Clock.monotonic()
                    if now >= deadline { break }
                    Clock.pause(max(Self.pause, (now - began) / Self.share))
                    continue
                }
            }
            deadline = Clock.monotonic() + betweenRuns
        }
        if isOneRun { return try PendingRuns(context).work(on: try pending(), work) }
        let result = results.result
        if result.records.isEmpty, result.fault == nil {
            try PendingRuns(context).checkSelection(wasPending: !results.seen.isEmpty)
            guard results.seen.isEmpty else { return result }
            if try isDayDone() { return result }
            throw Fault(
                .tryLater, "no attempt of \(upstream.rawValue) \(context.job.name) runs, and none began within \(wait)",
                hint: "Start both together, or leave out --follow to take what is there.")
        }
        return result
    }

    /// What has come of the runs so far.
    private struct Results {
        var records: [StageRecord] = []
        var faults: [Fault] = []
        /// The attempts of the stage before that were worked on.
        var seen: Set<String> = []

        var result: StageResult { StageResult(records: records, faults: faults) }

        /// - Throws: `interrupted` alone; any other fault is one of this run.
        mutating func add(_ body: () throws -> StageRecord?) throws(Fault) {
            do {
                if let record = try body() { records.append(record) }
            } catch let incomplete as Incomplete {
                records.append(incomplete.record)
                faults.append(incomplete.fault)
            } catch {
                let fault = Fault.wrapping(error)
                if fault.code == .interrupted { throw fault }
                faults.append(fault)
            }
        }
    }

    /// Works on the pending runs whose attempts have not been worked on yet.
    ///
    /// - Returns: whether there were any.
    private func takePending(
        _ pending: () throws(Fault) -> [RunDirectory], _ work: (RunDirectory) throws -> StageRecord?,
        _ results: inout Results
    ) throws(Fault) -> Bool {
        let runs: [RunDirectory]
        do { runs = try pending() } catch {
            if error.code == .interrupted { throw error }
            if !results.faults.contains(where: { $0.description == error.description }) { results.faults.append(error) }
            return false
        }
        var isAny = false
        for run in runs {
            // A record that can't be read stands for its run.
            let id = (try? run.stageRecord(upstream))?.attempt ?? run.date.description
            guard results.seen.insert(id).inserted else { continue }
            isAny = true
            try results.add { try work(run) }
        }
        return isAny
    }

    /// Whether the stage before has done the run that its next attempt would begin with: then nothing is awaited.
    private func isDayDone() throws(Fault) -> Bool {
        let newest = context.clock.today.adding(days: context.job.run == .yesterday ? -1 : 0)
        guard let run = try context.directory.run(newest) else { return false }
        return try run.stageRecord(upstream)?.state == .done
    }

    /// Throws ``Incomplete`` when the attempt that was followed, or the one that it took its units from, has left units out.
    ///
    /// - Parameters:
    ///   - record: what came of the follower's own.
    ///   - upstream: how the attempt ended.
    ///   - run: the run of both.
    /// - Throws: ``Incomplete``; the system's fault when a record can't be read.
    package static func checkComplete(
        _ record: StageRecord, of upstream: StageRecord, _ run: RunDirectory
    ) throws {
        var chain = [upstream]
        if upstream.stage == .pack, let first = try run.stageRecord(.collect), first.attempt == upstream.upstream {
            chain.append(first)
        }
        for link in chain where link.state == .failed || link.state == .partial {
            throw Incomplete(record, of: link)
        }
    }

    private func running(except followed: Set<String>) throws(Fault) -> UpstreamAttempt? {
        let dates: [CivilDate]
        if let date = context.request.run { dates = [date] } else { dates = try context.directory.runs() }
        for date in dates {
            do {
                guard let run = try context.directory.run(date), let attempt = try UpstreamAttempt(upstream, of: run),
                    !followed.contains(attempt.id)
                else { continue }
                return attempt
            } catch {
                // A torn record is told by what is pending, and keeps no other run from being followed.
                if error.code != .damaged || context.request.run != nil { throw error }
            }
        }
        return nil
    }

    /// Calls `body` with the units that an attempt has done since the last call, until it has ended.
    ///
    /// - Parameters:
    ///   - attempt: the attempt of the stage before.
    ///   - body: takes units, which are not given again.
    /// - Returns: how the attempt has ended; its last units may be still to take.
    /// - Throws: `interrupted` after a signal; what `body` throws.
    package static func follow(_ attempt: UpstreamAttempt, _ body: ([UnitRecord]) throws -> Void) throws
        -> UpstreamAttempt.State
    {
        var taken: Set<String> = []
        while true {
            try Shutdown.check()
            let began = Clock.monotonic()
            // Before the units: what is recorded at the end is seen then.
            let state = try attempt.state()
            let fresh = try attempt.units().filter { !taken.contains($0.unit) }
            let looked = Clock.monotonic() - began
            if case .ended = state { return state }
            if !fresh.isEmpty {
                try body(fresh)
                taken.formUnion(fresh.map(\.unit))
            }
            if case .dead = state { return state }
            Clock.pause(max(Self.pause, looked / Self.share))
        }
    }
}
