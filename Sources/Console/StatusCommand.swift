package import ArgumentParser
import Glibc
import Ledger
import Logging
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
            // A job whose file is wrong is not passed over: nothing of it will run tonight.
            for name in names {
                do { _ = try configuration.job(name) } catch { common.logger().error("\(error)") }
            }
            let zones = names.map { ($0, (try? configuration.job($0))?.timezone ?? "UTC") }
            try common.output.result(report) {
                Self.text(report, zones: Dictionary(uniqueKeysWithValues: zones), nothing: nothing)
            }
            return ExitStatus.done
        }
    }

    /// What is said when there is no run to show.
    private var nothing: String {
        guard let date else { return "no runs yet" }
        return job.map { "job '\($0)' has no run \(date)" } ?? "no job has a run \(date)"
    }

    /// - Parameters:
    ///   - report: what to show.
    ///   - zones: the time zones of the jobs; times are shown in them, as `ship list` does.
    ///   - nothing: what is said without any run.
    /// - Returns: the table, and the pauses below it.
    static func text(_ report: StatusReport, zones: [String: String], nothing: String) -> String {
        func local(_ moment: String, _ job: String) -> String {
            guard let time = Timestamp(rfc3339: moment) else { return moment }
            // The zone belongs to the process, in which nothing else runs.
            do { try Clock.useTimeZone(zones[job] ?? "UTC") } catch { return moment }
            return time.rfc3339Local
        }
        var table = TextTable(
            ["JOB", "RUN", "STAGE", "STATE", "UNITS", "FAILED", "IN", "OUT", "TOOK", "ENDED", "WHY"],
            right: [4, 5, 6, 7, 8])
        for row in report.rows {
            table.add([
                row.job, row.run, row.stage.rawValue, row.state, "\(row.units)", "\(row.failed)",
                Figures.bytes(row.bytesIn), Figures.bytes(row.bytesOut), Figures.seconds(row.seconds),
                row.finishedAt.map { local($0, row.job) } ?? "-",
                row.why ?? row.pruned.map { "pruned from staging \(local($0, row.job))" } ?? "",
            ])
        }
        var text = report.rows.isEmpty ? nothing : table.text
        for (what, pause) in report.pauses.sorted(by: { $0.key < $1.key }) {
            let job = what.split(separator: " ").last.map(String.init) ?? ""
            var shown = pause
            shown.since = local(pause.since, job)
            text += "\n\(what) is \(shown.text)"
        }
        for (what, why) in report.unreadable.sorted(by: { $0.key < $1.key }) {
            text += "\n\(what) counts as paused: \(why)"
        }
        return text
    }
}
