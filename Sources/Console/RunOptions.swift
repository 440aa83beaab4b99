package import ArgumentParser
import Logging
package import Platform
import Settings
package import Staging

/// The options of `STAGE JOB`: which runs and units, and how.
package struct RunOptions: ParsableArguments {
    @Argument(help: "The job: a file NAME.toml in jobs.d beside the settings file.")
    package var job: String?

    @Option(name: .long, help: ArgumentHelp("Only the run of this data date.", valueName: "date"))
    package var run: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Only units that match; can be given several times.", valueName: "glob"))
    package var only: [String] = []

    @Option(name: .long, help: ArgumentHelp("Only tenants that match.", valueName: "glob"))
    package var tenant: String?

    @Flag(name: .long, help: "Redo units that are done already.")
    package var force = false

    @Flag(name: .shortAndLong, help: "Print what would be done, and change nothing.")
    package var dryRun = false

    @Option(name: .long, help: ArgumentHelp("Threads for the heavy work; 0 means one per core.", valueName: "n"))
    package var workers: Int?

    @Flag(name: .long, help: "Take over a lock that another server holds.")
    package var breakLock = false

    package init() {}

    package func validate() throws {
        if let run, CivilDate(run) == nil {
            throw ValidationError("--run '\(run)': expected a date such as 2026-11-20")
        }
        if let workers, !(0...1_024).contains(workers) {
            throw ValidationError("--workers \(workers): expected a number from 0 to 1024")
        }
    }

    private func request() -> StageContext.Request {
        var request = StageContext.Request()
        request.run = run.flatMap { CivilDate($0) }
        request.select(only)
        request.tenant = tenant.map { Glob($0) }
        request.force = force
        request.breakLock = breakLock
        return request
    }

    /// Loads the settings, sets the process's time zone to the job's, and opens staging.
    ///
    /// - Throws: `usage` without a job; what settings and guards throw.
    package func context(_ common: CommonOptions) throws(Fault) -> StageContext {
        guard let job else {
            let jobs = (try? common.settings().jobNames()) ?? []
            let known = jobs.isEmpty ? "" : "The jobs are \(jobs.joined(separator: ", ")). "
            throw Fault(.usage, "no job given", hint: known + "See '\(Door.program) --help'.")
        }
        var configuration = try common.settings()
        if let workers { configuration.workers = Configuration.resolvedWorkers(workers) }
        let settings = try configuration.job(job)
        try Clock.useTimeZone(settings.timezone)
        return try StageContext(
            configuration: configuration, job: settings, request: request(), clock: .system,
            log: common.logger(), tool: Version.tool)
    }
}
