package import ArgumentParser

/// The command of a door: `STAGE JOB [options]`, or `STAGE VERB ...`.
///
/// ArgumentParser would take a verb for the job, since both stand in the first place; so a first word that is a verb goes
/// to a command that has the verbs alone.
package protocol DoorCommand: ParsableCommand {
    /// The command with the verbs and nothing else, under the same name.
    associatedtype Verbs: ParsableCommand
}

extension DoorCommand {
    package static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let verbs = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        if let first = arguments.first, verbs.contains(first) {
            Verbs.main(arguments)
        } else {
            main(arguments)
        }
    }
}
