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
            var lines: [AuditLine] = []
            let take: (AuditLine) throws(Fault) -> Void = { line in
                if selects(line) { lines.append(line) }
            }
            let torn: (String, Int) -> Void = { name, number in log.warning("\(name):\(number): is no line of the log")
            }
            if let vault {
                let chosen = try VaultOptions.vaults(of: settings, named: vault)[0]
                let open = try OpenVault.forReading(chosen, log: log)
                try AuditLog.read(open.store, VaultLayout(job: settings.name), torn: torn, take)
            } else {
                let directory = try StagingArea.open(configuration).job(settings.name)
                try AuditLog(directory, .ship).read(torn: torn, take)
            }
            // Within a second as they were written; the log of each stage and server is in order by itself.
            let sorted = lines.enumerated().sorted {
                ($0.element.time, $0.element.ordinal ?? 0, $0.offset)
                    < ($1.element.time, $1.element.ordinal ?? 0, $1.offset)
            }.map(\.element)
            lines = Self.withoutCopies(sorted)
            if common.json {
                for line in lines { try Output.writeLine(line) }
            } else {
                common.output.line(text(lines))
            }
            return ExitStatus.done
        }
    }

    /// What a new server took from the vaults tells the same as what it wrote itself, at the same moment.
    private static func withoutCopies(_ lines: [AuditLine]) -> [AuditLine] {
        var moment: Set<AuditLine> = []
        return lines.filter { line in
            if let last = moment.first, last.time != line.time || last.ordinal != line.ordinal { moment.removeAll() }
            return moment.insert(line).inserted
        }
    }

    private func selects(_ line: AuditLine) -> Bool {
        let day = Timestamp(rfc3339: line.time).map { CivilDate(localDayOf: $0) }
        if let from = from.flatMap({ CivilDate($0) }), let day, day < from { return false }
        if let to = to.flatMap({ CivilDate($0) }), let day, to < day { return false }
        if let action, line.action.rawValue != action { return false }
        if let object, !(line.object.map { Glob(object).matches($0) } ?? false) { return false }
        if let tenant, !(line.tenants ?? []).contains(where: { Glob(tenant).matches($0) }) { return false }
        return true
    }

    private func text(_ lines: [AuditLine]) -> String {
        if lines.isEmpty { return "nothing was decided" }
        var table = TextTable(["TIME", "BY", "STAGE", "ACTION", "VAULT", "OBJECT", "WHY"])
        for line in lines {
            table.add([
                Timestamp(rfc3339: line.time)?.local ?? line.time, line.by, line.stage.rawValue, line.action.rawValue,
                line.vault ?? "",
                line.object.map { (line.stage == .ship ? "" : "\(line.run ?? "") ") + $0 }
                    ?? (line.tenants ?? []).joined(separator: ","), line.why.joined(separator: ", "),
            ])
        }
        return table.text
    }
}
