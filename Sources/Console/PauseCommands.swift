package import ArgumentParser
package import Ledger
import Platform
import Settings
import Staging

/// `STAGE pause JOB`: from now on the stage does nothing for the job and exits with 75, until resumed.
package protocol PauseCommand: ParsableCommand {
    static var stage: Stage { get }
    var common: CommonOptions { get }
    var job: String { get }
    var why: String { get }
}

extension PauseCommand {
    package func run() throws {
        try Door.run {
            let configuration = try common.settings()
            let directory = try StagingArea.open(configuration).job(try configuration.job(job).name)
            try directory.setPause(
                .init(why: why, since: Clock.system.now().rfc3339, by: ProcessIdentity.user), Self.stage)
            common.output.line("\(Self.stage.rawValue) \(job) is paused")
            return ExitStatus.done
        }
    }
}

/// `STAGE resume JOB`: ends a pause.
package protocol ResumeCommand: ParsableCommand {
    static var stage: Stage { get }
    var common: CommonOptions { get }
    var job: String { get }
}

extension ResumeCommand {
    package func run() throws {
        try Door.run {
            let configuration = try common.settings()
            let directory = try StagingArea.open(configuration).job(try configuration.job(job).name)
            let wasPaused = try directory.pause(Self.stage) != nil
            try directory.setPause(nil, Self.stage)
            common.output.line("\(Self.stage.rawValue) \(job) \(wasPaused ? "goes on" : "was not paused")")
            return ExitStatus.done
        }
    }
}
