package import ArgumentParser
package import Ledger
import Settings
package import Staging

/// The options of a stage that can be at work together with the one before.
package struct FollowOptions: ParsableArguments {
    @Flag(name: .long, help: "Take units as the stage before records them, and end when it ends.")
    package var follow = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --follow: wait so long for the stage before to begin, for example '2 h'.", valueName: "duration"))
    package var wait: String?

    package init() {}

    package func validate() throws {
        if let wait, Period(wait) == nil {
            throw ValidationError("--wait '\(wait)': expected a period such as '30 min'")
        }
        if wait != nil && !follow { throw ValidationError("--wait is for --follow") }
    }

    /// What follows `upstream`; nothing without --follow.
    package func following(_ upstream: Stage, _ context: StageContext) -> Following? {
        follow ? Following(upstream, context, wait: wait.flatMap { Period($0) } ?? Period(seconds: 60)) : nil
    }
}
