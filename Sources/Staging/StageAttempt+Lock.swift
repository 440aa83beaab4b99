package import Ledger
package import Platform

/// The lock of a stage for a run.
extension StageAttempt {
    /// Takes the lock of a stage for a run without an attempt: as long as it is held, none can begin.
    ///
    /// - Throws: `tryLater` when an attempt runs.
    package static func lock(
        _ stage: Stage, of run: RunDirectory, attempt: String = RandomID.make(), breaking: Bool = false,
        clock: Clock = .system
    ) throws(Fault) -> StageLock {
        try StageLock.take(
            "lock of \(stage.rawValue) \(run.job.name) \(run.date)", file: lockName(stage), in: run.directory,
            local: localLockName(stage, run), state: run.job.state, attempt: attempt, breaking: breaking, clock: clock)
    }

    private static func lockName(_ stage: Stage) -> ByteString { ByteString(".\(stage.rawValue).lock") }
    private static func localLockName(_ stage: Stage, _ run: RunDirectory) -> String {
        "\(run.job.name).\(run.date).\(stage.rawValue)"
    }

    /// Whether an attempt of the stage runs now.
    package static func isRunning(_ stage: Stage, _ run: RunDirectory) throws(Fault) -> Bool {
        try StageLock.isHeld(
            file: lockName(stage), in: run.directory, local: localLockName(stage, run), state: run.job.state)
    }
}
