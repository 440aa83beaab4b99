package import ArgumentParser
package import Platform
import Settings
package import Staging

/// The job of a command that works on no run.
package struct JobOptions: ParsableArguments {
    @Argument(help: "The job.")
    package var job: String

    package init() {}

    /// Loads the settings, sets the process's time zone to the job's, and opens staging.
    package func context(_ common: CommonOptions, breakingLock: Bool = false) throws(Fault) -> StageContext {
        let (configuration, settings) = try common.settings(of: job)
        var request = StageContext.Request()
        request.breakLock = breakingLock
        return try StageContext(
            configuration: configuration, job: settings, request: request, clock: .system, log: common.logger(),
            tool: Version.tool)
    }
}
