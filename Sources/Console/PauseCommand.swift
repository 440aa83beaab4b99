import ArgumentParser
import Ledger
import Platform
import Settings
import Staging

/// `STAGE pause JOB`: from now on the stage does nothing for the job and exits with 75, until resumed.
struct PauseCommand<Door: DoorCommand>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "pause", abstract: "Let \(Door.stage.rawValue) do nothing for a job until resumed.")
    }

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job.") var job: String
    @Option(name: .long, help: ArgumentHelp("The reason, for whoever looks.", valueName: "text"))
    var why = "no reason given"

    func run() throws {
        try Console.Door.run {
            let configuration = try common.settings()
            let directory = try StagingArea.open(configuration).job(try configuration.job(job).name)
            try directory.setPause(
                .init(why: why, since: Clock.system.now().rfc3339, by: ProcessIdentity.user), Door.stage)
            common.output.line("\(Door.stage.rawValue) \(job) is paused")
            return ExitStatus.done
        }
    }
}
