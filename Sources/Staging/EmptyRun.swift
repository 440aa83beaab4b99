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
            if try Self.isSpentJournal(step.path, in: run) { continue }
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

    /// Whether a path is what collect notes of a host's staged files, and none of them is there: an attempt that failed
    /// before its first file leaves one.
    private static func isSpentJournal(_ path: ByteString, in run: RunDirectory) throws(Fault) -> Bool {
        let names = path.components
        guard names.count == 2, names[0] == "collect", names[1].bytes.first == UInt8(ascii: ".") else { return false }
        for suffix: ByteString in [".journal", ".journal.next", ".prefixes"]
        where names[1].bytes.suffix(suffix.count).elementsEqual(suffix.bytes) {
            let host = ByteString(names[1].bytes.dropFirst().dropLast(suffix.count))
            let staged: Directory
            do { staged = try run.directory.descend(["collect", PendingFile.temporaryName(for: host)]) } catch {
                if error.code == .notFound { return true }
                throw error
            }
            var walk = try DirectoryWalk(staged)
            while let step = try walk.next() { if try step.status.get().kind != .directory { return false } }
            return true
        }
        return false
    }

    /// What every run has though nothing was collected: records of the run and its stages, locks, temporary files.
    private static func isBookkeeping(_ path: ByteString) -> Bool {
        let names = path.components
        if names.contains(where: RunDirectory.isTemporary) { return true }
        let ours = ["run.json"] + Stage.allCases.flatMap { ["\($0.rawValue).json", ".\($0.rawValue).lock"] }
        return names.count == 1 && ours.contains(names[0].description)
    }
}
