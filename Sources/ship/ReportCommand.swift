import ArgumentParser
import Console
import Ledger
import Platform
import Settings
import Staging

/// `ship report JOB`: what was copied, database by database.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Report what a warehouse's runs have copied.",
        discussion: """
            From the records on staging: objects and bytes that were copied and carried, what was left out and why, what \
            it cost by the list prices, and how long it took. Without --run the newest run that was shipped is reported.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job.") var job: String
    @Option(name: .customLong("run"), help: ArgumentHelp("The run of this data date.", valueName: "date"))
    var date: String?

    func validate() throws {
        if let date, CivilDate(date) == nil {
            throw ValidationError("--run '\(date)': expected a date such as 2026-11-20")
        }
    }

    func run() throws {
        try Door.run {
            let (configuration, settings) = try common.settings(of: job)
            guard settings.warehouse != nil else {
                throw Fault(
                    .usage, "job '\(job)' is of kind 'hosts'", hint: "'ship status \(job)' tells what was shipped.")
            }
            let directory = try StagingArea.open(configuration).job(job)
            let dates = try date.flatMap { CivilDate($0) }.map { [$0] } ?? directory.runs().reversed()
            for date in dates {
                guard let run = try directory.run(date) else { continue }
                var reports: [DatabaseReport] = []
                for vault in settings.vaults {
                    for record in try run.unitRecords(.ship, vault: vault.name) {
                        reports.append(DatabaseReport(record, vault: vault.name))
                    }
                }
                guard !reports.isEmpty else { continue }
                try common.output.result(reports) { DatabaseReport.table(reports) }
                return ExitStatus.done
            }
            throw Fault(
                .notFound, "job '\(job)' has shipped nothing\(date.map { " in run \($0)" } ?? "")",
                hint: "'ship status \(job)' shows the runs.")
        }
    }
}
