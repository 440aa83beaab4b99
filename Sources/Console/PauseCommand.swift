import ArgumentParser
import Ledger
import Platform
import Settings
import Staging

/// `STAGE pause JOB`: from now on the stage does nothing for the job and exits with 75, until resumed.
///
/// A second pause tells of the first; its reason replaces that of the first, if it has one.
struct PauseCommand<Door: DoorCommand>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "pause", abstract: "Let \(Door.stage.rawValue) do nothing for a job until resumed.")
    }

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job.") var job: String
    @Option(name: .long, help: ArgumentHelp("The reason, for whoever looks.", valueName: "text"))
    var why: String?

    func run() throws {
        try Console.Door.run {
            let configuration = try common.settings()
            let directory = try StagingArea.open(configuration).job(try configuration.job(job).name)
            let what = "\(Door.stage.rawValue) \(job)"
            let before = try directory.pause(Door.stage)
            // Only a reason that was given replaces another one.
            if let before, why == nil {
                try common.output.result(before) { "\(what) stays \(before.text)" }
                return ExitStatus.done
            }
            let pause = JobDirectory.Pause(
                why: why ?? "no reason given", since: Clock.system.now().rfc3339, by: ProcessIdentity.user)
            try directory.setPause(pause, Door.stage)
            try common.output.result(pause) {
                "\(what) is paused" + (before.map { "; until now it was \($0.text)" } ?? "")
            }
            return ExitStatus.done
        }
    }
}
