package import ArgumentParser
import Glibc
import Ledger
import Platform
import Settings
import Staging

/// `STAGE status [JOB]`: the same table from all three doors.
package struct StatusCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show how the runs stand.",
        discussion: "All three programs print the same table.")

    @OptionGroup var common: CommonOptions

    @Argument(help: "Only this job.") var job: String?

    @Option(name: .customLong("run"), help: ArgumentHelp("Only the run of this data date.", valueName: "date"))
    var date: String?

    package init() {}

    package func validate() throws {
        if let date, CivilDate(date) == nil {
            throw ValidationError("--run '\(date)': expected a date such as 2026-11-20")
        }
    }

    package func run() throws {
        try Door.run {
            let configuration = try common.settings()
            let staging = try StagingArea.open(configuration)
            let names = try job.map { [try configuration.job($0).name] } ?? configuration.jobNames()
            let report = try StatusReport(
                names.map { try staging.job($0) }, run: date.flatMap { CivilDate($0) })
            try common.output.result(report) { Self.text(report) }
            return ExitStatus.done
        }
    }

    static func text(_ report: StatusReport) -> String {
        var table = TextTable(
            ["JOB", "RUN", "STAGE", "STATE", "UNITS", "FAILED", "IN", "OUT", "TOOK", "ENDED", "WHY"],
            right: [4, 5, 6, 7, 8])
        for row in report.rows {
            table.add([
                row.job, row.run, row.stage.rawValue, row.state, "\(row.units)", "\(row.failed)",
                Figures.bytes(row.bytesIn), Figures.bytes(row.bytesOut), Figures.seconds(row.seconds),
                row.finishedAt ?? "-", row.why ?? "",
            ])
        }
        var text = report.rows.isEmpty ? "no runs yet" : table.text
        for (what, pause) in report.pauses.sorted(by: { $0.key < $1.key }) {
            text += "\n\(what) is paused since \(pause.since) by \(pause.by): \(pause.why)"
        }
        return text
    }
}
