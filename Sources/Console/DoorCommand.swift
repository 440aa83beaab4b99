package import ArgumentParser
package import Ledger
package import Platform
package import Settings

/// The command of a door: `STAGE JOB [options]`, or `STAGE VERB ...`.
///
/// ArgumentParser would take a verb for the job, since both stand in the first place; so a first word that is a verb goes
/// to a command that has the verbs alone.
package protocol DoorCommand: ParsableCommand {
    static var stage: Stage { get }
    /// The verbs of this door alone, besides those that every door has.
    static var ownVerbs: [any ParsableCommand.Type] { get }
    /// Looks at the source of a host that is not mounted here; nothing for a door that reads none.
    static var look: ((HostSettings, CivilDate) throws(Fault) -> Void)? { get }
    /// Looks at a vault in a bucket; nothing for a door that reaches none.
    static func lookAtBucket(_ common: CommonOptions) -> ((VaultSettings) throws(Fault) -> Void)?
    /// How far a check of this door looks for what a job has in vaults and warehouses.
    static var reach: VaultReach { get }
}

extension DoorCommand {
    package static var look: ((HostSettings, CivilDate) throws(Fault) -> Void)? { nil }

    package static func lookAtBucket(_ common: CommonOptions) -> ((VaultSettings) throws(Fault) -> Void)? { nil }

    package static var reach: VaultReach { .nothing }

    /// The verbs that every door has, and its own.
    package static var verbs: [any ParsableCommand.Type] {
        [StatusCommand.self, CheckCommand<Self>.self, PauseCommand<Self>.self, ResumeCommand<Self>.self] + ownVerbs
    }

    package static func main() {
        let arguments = DoorArguments(
            Array(CommandLine.arguments.dropFirst()),
            verbs: verbs.compactMap { $0.configuration.commandName } + ["help"])
        if let arguments = arguments.ofVerb {
            Verbs<Self>.main(arguments)
        } else if let first = arguments.first, Configuration.verbs.contains(first) {
            // Before its arguments, which this program can't know.
            do { try Door.run { () throws -> Int32 in throw Configuration.notAJob(first) } } catch {
                exit(withError: error)
            }
        } else if let (job, verb) = arguments.swapped {
            let fault = Fault(
                .usage, "'\(verb)' is a command, and stands before the job",
                hint: "Run '\(stage.rawValue) \(verb) \(job) ...'.")
            do { try Door.run { () throws -> Int32 in throw fault } } catch { exit(withError: error) }
        } else if let (word, verb) = arguments.misspelt {
            let fault = Fault(.usage, "there is no command '\(word)'", hint: "Did you mean '\(verb)'?")
            do { try Door.run { () throws -> Int32 in throw fault } } catch { exit(withError: error) }
        } else {
            main(arguments.all)
        }
    }
}

/// A door's verbs and nothing else, under its name.
struct Verbs<Door: DoorCommand>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Door.stage.rawValue, abstract: Door.configuration.abstract, version: Version.tool,
            subcommands: Door.verbs)
    }
}
