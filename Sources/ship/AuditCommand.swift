import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging
import Vault

/// `ship audit JOB`: what was decided about deletion, when, by whom and why.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Show what was decided about deletion, and why.",
        discussion: "Reads the audit log in the ledger; with --vault the copies that each batch has left in a vault.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job.") var job: String
    @Option(name: .long, help: ArgumentHelp("From this day on.", valueName: "date")) var from: String?
    @Option(name: .long, help: ArgumentHelp("Up to this day.", valueName: "date")) var to: String?
    @Option(name: .long, help: ArgumentHelp("Only objects that match.", valueName: "glob")) var object: String?
    @Option(name: .long, help: ArgumentHelp("Only tenants that match.", valueName: "glob")) var tenant: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Only this: \(AuditLine.Action.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "action"))
    var action: String?
    @Option(
        name: .long, help: ArgumentHelp("Read the copies in this vault; staging is not needed.", valueName: "name"))
    var vault: String?

    func validate() throws {
        for (name, text) in [("--from", from), ("--to", to)] {
            if let text, CivilDate(text) == nil {
                throw ValidationError("\(name) '\(text)': expected a date such as 2026-11-20")
            }
        }
        if let action, AuditLine.Action(rawValue: action) == nil {
            throw ValidationError("--action '\(action)': see --help for the words")
        }
    }

    func run() throws {
        try Door.run {
            let (configuration, settings) = try common.settings(of: job)
            let log = common.logger()
            let staging = vault == nil ? try StagingArea.open(configuration) : nil
            let listing = try AuditListing(
                scratch: try staging?.scratch ?? Directory.open(RestoreCommand.scratch), isJSON: common.json)
            let torn: (String, Int) -> Void = { log.warning("\($0):\($1): is no line of the log") }
            let take: AuditLog.Each = { line, bytes throws(Fault) in
                if selects(line) { try listing.add(line, bytes) }
            }
            if let vault {
                let chosen = try VaultOptions.vaults(of: settings, named: vault)[0]
                let open = try OpenVault.forReading(chosen, log: log)
                try AuditLog.read(open.store, VaultLayout(job: settings.name), torn: torn, take)
            } else if let directory = try staging?.job(settings.name) {
                try AuditLog(directory, .ship).read(torn: torn, take)
            }
            try listing.print()
            return ExitStatus.done
        }
    }

    private func selects(_ line: AuditLine) -> Bool {
        if from != nil || to != nil, let day = Timestamp(rfc3339: line.time).map({ CivilDate(localDayOf: $0) }) {
            if let from = from.flatMap({ CivilDate($0) }), day < from { return false }
            if let to = to.flatMap({ CivilDate($0) }), to < day { return false }
        }
        if let action, line.action.rawValue != action { return false }
        if let object, !(line.object.map { Glob(object).matches($0) } ?? false) { return false }
        if let tenant, !(line.tenants ?? []).contains(where: { Glob(tenant).matches($0) }) { return false }
        return true
    }
}
