package import ArgumentParser
package import Ledger
package import Platform
import Settings
package import Staging

/// The job of a command that is no run, and the lock that it may break.
package struct JobOptions: ParsableArguments {
    @Argument(help: "The job.")
    package var job: String

    @Flag(name: .long, help: "Take over a lock that another server holds.")
    package var breakLock = false

    package init() {}

    /// Loads the settings, sets the process's time zone to the job's, and opens staging.
    package func context(_ common: CommonOptions) throws(Fault) -> StageContext {
        let configuration = try common.settings()
        let settings = try configuration.job(job)
        try Clock.useTimeZone(settings.timezone)
        var request = StageContext.Request()
        request.breakLock = breakLock
        return try StageContext(
            configuration: configuration, job: settings, request: request, clock: .system, log: common.logger(),
            tool: Version.tool)
    }
}
