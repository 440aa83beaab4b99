package import Ledger
package import Platform

/// An attempt of the stage before that was found at work, and that a follower is bound to.
///
/// Units that it records are taken as they appear; how it ends decides how the follower does.
package struct UpstreamAttempt: Sendable {
    /// How the attempt stands.
    package enum State: Sendable {
        case running
        /// It has closed its record.
        case ended(StageRecord)
        /// Its process is gone without that, or another attempt has begun.
        case dead
    }

    package let stage: Stage
    package let run: RunDirectory
    package let id: String

    /// The attempt that runs now; nothing when there is none, or it has not yet written its record.
    ///
    /// - Throws: `damaged` for a record that can't be read; the system's fault.
    package init?(_ stage: Stage, of run: RunDirectory) throws(Fault) {
        guard try StageAttempt.isRunning(stage, run), let record = try run.stageRecord(stage),
            record.state == .running
        else { return nil }
        self.stage = stage
        self.run = run
        id = record.attempt
    }

    package func state() throws(Fault) -> State {
        // The lock first: whoever has let it go has written its record before.
        let isHeld = try StageAttempt.isRunning(stage, run)
        guard let record = try run.stageRecord(stage), record.attempt == id else { return .dead }
        guard record.state == .running else { return .ended(record) }
        return isHeld ? .running : .dead
    }

    /// The records of the units that it has done so far.
    package func units() throws(Fault) -> [UnitRecord] {
        try run.unitRecords(stage).filter { $0.attempt == id }
    }

    /// What a follower is left with when the attempt has died.
    package var death: Fault {
        Fault(
            .tryLater,
            "\(stage.rawValue) \(run.job.name) \(run.date) has died at work; all that it had handed on by then is done",
            hint: "Run '\(stage.rawValue) \(run.job.name) --run \(run.date)' again, and this stage after it.")
    }
}
