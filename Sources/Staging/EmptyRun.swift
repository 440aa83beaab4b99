import Ledger
package import Platform
import Settings

/// A run in which nothing was collected: a mistyped date leaves one, or a day whose hosts were all away and won't come back.
///
/// Nothing can ever complete it, so it may go. A run that holds anything stays, whatever its state.
package final class EmptyRun {
    private let attempt: StageAttempt
    private let run: RunDirectory

    /// Takes the lock of the run and looks through all of it.
    ///
    /// - Throws: `notFound` without such a run; `tryLater` while a stage works on it; `exists` when there is anything in it
    ///   but stage records and what a crash left.
    package init(_ date: CivilDate, _ context: StageContext) throws(Fault) {
        guard let run = try context.directory.run(date) else {
            throw Fault(
                .notFound, "job '\(context.job.name)' has no run \(date)",
                hint: "'collect status \(context.job.name)' lists the runs.")
        }
        self.run = run
        attempt = try StageAttempt(.collect, of: run, context)
        for stage in Stage.allCases where stage != .collect {
            if try StageAttempt.isRunning(stage, run) {
                throw Fault(.tryLater, "\(stage.rawValue) \(context.job.name) \(date) runs now")
            }
        }
        if let unit = try run.job.ledger().units(of: date).keys.min() {
            throw Self.isNotEmpty(run, "the ledger has the manifest of '\(unit)'")
        }
        var walk = try DirectoryWalk(run.directory)
        while let step = try walk.next() {
            // What can't be looked at may be anything.
            guard try step.status.get().kind != .directory, !Self.isBookkeeping(step.path) else { continue }
            throw Self.isNotEmpty(run, "it has '\(step.path)'")
        }
    }

    /// Removes the run from staging.
    ///
    /// - Throws: the system's fault; the same again goes on from there.
    package func discard() throws(Fault) {
        let parent = run.job.directory
        try parent.removeTree(ByteString(run.date.description))
        try parent.sync()
        withExtendedLifetime(attempt) {}
    }

    private static func isNotEmpty(_ run: RunDirectory, _ why: String) -> Fault {
        Fault(
            .exists, "run \(run.date) of job '\(run.job.name)' is not empty: \(why)",
            hint: "Only a run in which nothing was collected can be discarded.")
    }

    /// What every run has though nothing was collected: records of the run and its stages, locks, temporary files.
    private static func isBookkeeping(_ path: ByteString) -> Bool {
        let names = path.components
        if names.contains(where: RunDirectory.isTemporary) { return true }
        let ours = ["run.json"] + Stage.allCases.flatMap { ["\($0.rawValue).json", ".\($0.rawValue).lock"] }
        return names.count == 1 && ours.contains(names[0].description)
    }
}
