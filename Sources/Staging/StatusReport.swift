package import Ledger
package import Platform

/// How the runs of a job stand: the same rows for all three doors.
package struct StatusReport: Codable, Sendable {
    package struct Row: Codable, Sendable {
        package var job: String
        package var run: String
        package var stage: Stage
        /// `done`, `partial`, `failed`, `running`, `dead` (running by its record, but its process is gone), `waiting`,
        /// `behind` (done, but the stage before has worked since), `unreadable` (``why`` tells what hinders).
        package var state: String
        package var units: Int
        package var failed: Int
        package var bytesIn: Int64
        package var bytesOut: Int64
        package var seconds: Double
        package var startedAt: String?
        package var finishedAt: String?
        package var why: String?
        /// When content of the stage was removed from staging, since every vault holds it.
        package var pruned: String?
    }

    package var rows: [Row] = []
    /// Pauses by `STAGE JOB`.
    package var pauses: [String: JobDirectory.Pause] = [:]

    /// Why a pause can't be read, by `STAGE JOB`: such a stage counts as paused.
    package var unreadable: [String: String] = [:]

    /// Reads the pauses and stage records of some jobs.
    ///
    /// - Parameters:
    ///   - jobs: the jobs, in the order of the rows.
    ///   - only: this run alone; all when left out.
    /// - Throws: the system's fault for a job that can't be looked at; a record that can't be read has a row that says so.
    package init(_ jobs: [JobDirectory], run only: CivilDate? = nil) throws(Fault) {
        for job in jobs {
            for stage in Stage.allCases {
                let what = "\(stage.rawValue) \(job.name)"
                do { pauses[what] = try job.pause(stage) } catch {
                    if error.code != .damaged { throw error }
                    unreadable[what] = "\(error). \(error.hint ?? "")"
                }
            }
            for date in try job.runs() where only == nil || only == date {
                rows += try Self.rows(job, date)
            }
        }
    }

    /// One record that is torn or can't be reached must not hide how all the others stand.
    private static func rows(_ job: JobDirectory, _ date: CivilDate) throws(Fault) -> [Row] {
        func unreadable(_ stage: Stage, _ fault: Fault) -> Row {
            Row(job.name, date, stage, "unreadable", why: fault.description)
        }
        let run: RunDirectory
        do {
            guard let found = try job.run(date) else { return [] }
            run = found
        } catch {
            return Stage.allCases.map { unreadable($0, error) }
        }
        var rows: [Row] = []
        for stage in Stage.allCases {
            try Shutdown.check()
            do { rows.append(try row(stage, run)) } catch { rows.append(unreadable(stage, error)) }
        }
        return rows
    }

    private static func row(_ stage: Stage, _ run: RunDirectory) throws(Fault) -> Row {
        guard let record = try run.stageRecord(stage) else { return Row(run.job.name, run.date, stage, "waiting") }
        var state = record.state.rawValue
        var why: String?
        if record.state == .running, !(try StageAttempt.isRunning(stage, run)) {
            state = "dead"
            why = "its process is gone; '\(stage.rawValue) \(run.job.name) --run \(run.date)' goes on"
        }
        if record.state == .done, let before = stage.before, let own = record.upstream,
            let other = try run.stageRecord(before)?.attempt, other != own
        {
            state = "behind"
            why = "\(before.rawValue) has worked on the run since"
        }
        let trouble = record.failed.first ?? record.warnings.first
        let more = record.failed.count + record.warnings.count - 1
        return Row(
            job: run.job.name, run: run.date.description, stage: stage, state: state,
            units: record.units, failed: record.failed.count, bytesIn: record.bytesIn, bytesOut: record.bytesOut,
            seconds: record.seconds, startedAt: record.startedAt, finishedAt: record.finishedAt,
            why: trouble.map { $0.text + (more > 0 ? " (and \(more) more)" : "") }
                ?? (record.leftOut > 0 ? "\(record.leftOut) left out by --only or --tenant" : nil)
                    ?? why,
            pruned: try run.pruneMark().newest(stage))
    }
}

extension StatusReport.Row {
    /// A row of which no record tells more than its state.
    fileprivate init(_ job: String, _ run: CivilDate, _ stage: Stage, _ state: String, why: String? = nil) {
        self.init(
            job: job, run: run.description, stage: stage, state: state, units: 0, failed: 0, bytesIn: 0, bytesOut: 0,
            seconds: 0, why: why)
    }
}
