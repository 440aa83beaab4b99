import ArgumentParser
import Ledger
import Platform
import Settings
import Staging

/// `STAGE resume JOB`: ends a pause.
struct ResumeCommand<Door: DoorCommand>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "resume", abstract: "End a pause.")
    }

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job.") var job: String

    func run() throws {
        try Console.Door.run {
            let configuration = try common.settings()
            let directory = try StagingArea.open(configuration).job(try configuration.job(job).name)
            // A pause that can't be read is one, and goes as well.
            var wasPaused = true
            do throws(Fault) { wasPaused = try directory.pause(Door.stage) != nil } catch {
                if error.code != .damaged { throw error }
            }
            try directory.setPause(nil, Door.stage)
            try common.output.result(["wasPaused": wasPaused]) {
                "\(Door.stage.rawValue) \(job) \(wasPaused ? "goes on" : "was not paused")"
            }
            return ExitStatus.done
        }
    }
}
