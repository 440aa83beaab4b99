package import Ledger
package import Platform
package import Settings

/// `--follow`: a stage that is at work together with the one before, and ends with it.
package struct Following {
    private let upstream: Stage
    private let context: StageContext
    private let wait: Period

    /// How long a further run may take to begin, once one has ended: collect goes from date to date.
    private static let betweenRuns = 5.0
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
    package init(_ upstream: Stage, _ context: StageContext, wait: Period) {
        self.upstream = upstream
        self.context = context
        self.wait = wait
    }

    /// Does what is pending, then follows each attempt of the stage before that runs or begins within the wait.
    ///
    /// - Parameters:
    ///   - pending: works on the runs that the stage before has ended.
    ///   - follow: follows one attempt to its end; gives nothing for a run in which nothing is selected.
    /// - Returns: what came of all runs; its fault is `tryLater` where an attempt died.
    /// - Throws: `tryLater` when there was nothing to do or to follow, and the stage before has not done its day's run; `interrupted` after a signal; what `pending` throws.
    package func run(
        pending: () throws(Fault) -> StageResult, follow: (UpstreamAttempt) throws -> StageRecord?
    ) throws(Fault) -> StageResult {
        // Before what is pending: an attempt that ends from now on is seen to have ended.
        var seen: Set<String> = []
        _ = try hasEnded(&seen)
        var result = context.request.run == nil ? try pending() : StageResult()
        var followed: Set<String> = []
        var deadline = Clock.monotonic() + Double(wait.seconds)
        repeat {
            guard let attempt = try running(except: followed) else {
                try Shutdown.check()
                // One that began and ended between two looks is not waited for.
                if context.request.run == nil, try hasEnded(&seen) {
                    result.take(try pending())
                    deadline = Clock.monotonic() + Self.betweenRuns
                }
                Clock.pause(Self.pause)
                continue
            }
            followed.insert(attempt.id)
            seen.insert(attempt.id)
            do {
                if let record = try follow(attempt) { result.records.append(record) }
            } catch let incomplete as Incomplete {
                result.records.append(incomplete.record)
                result.fault = result.fault ?? incomplete.fault
            } catch {
                let fault = Fault.wrapping(error)
                if fault.code == .interrupted { throw fault }
                result.fault = result.fault ?? fault
            }
            if context.request.run != nil { return result }
            deadline = Clock.monotonic() + Self.betweenRuns
        } while Clock.monotonic() < deadline
        guard followed.isEmpty else {
            // What began and ended between two looks, as the runs of small days do.
            if context.request.run == nil { result.take(try pending()) }
            return result
        }
        if context.request.run != nil { return try pending() }
        if result.records.isEmpty, result.fault == nil, try !isDayDone() {
            throw Fault(
                .tryLater, "no attempt of \(upstream.rawValue) \(context.job.name) runs, and none began within \(wait)",
                hint: "Start both together, or leave out --follow to take what is there.")
        }
        return result
    }

    /// Whether an attempt of the stage before has ended that is not among those seen; then it is.
    private func hasEnded(_ seen: inout Set<String>) throws(Fault) -> Bool {
        var isNew = false
        for date in try context.directory.runs() {
            let record: StageRecord?
            do { record = try context.directory.run(date)?.stageRecord(upstream) } catch {
                // A record that is torn is told when its run is worked on.
                if error.code != .damaged { throw error }
                continue
            }
            if let record, record.state != .running, seen.insert(record.attempt).inserted { isNew = true }
        }
        return isNew
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
            guard let run = try context.directory.run(date), let attempt = try UpstreamAttempt(upstream, of: run),
                !followed.contains(attempt.id)
            else { continue }
            return attempt
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
