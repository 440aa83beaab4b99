import Codec
import Ledger
package import Logging
package import Platform
package import Settings

/// What an attempt of a stage has at hand: settings, staging, what the command line asked for.
package struct StageContext: Sendable {
    /// What the command line narrows or widens.
    package struct Request: Sendable {
        package var run: CivilDate?
        package var only: [Glob] = []
        package var tenant: Glob?
        package var force = false
        package var breakLock = false
        package init() {}

        /// Narrows to the units that these patterns match; an archive may also be named as it is shown, with the suffix
        /// that its codec gives it.
        package mutating func select(_ patterns: [String]) {
            let bare = patterns.compactMap { pattern in
                MemberCodec(ofName: pattern).map { String(pattern.dropLast($0.suffix.utf8.count)) }
            }
            only = (patterns + bare).map { Glob($0) }
        }

        /// Whether some units are left out on purpose: such an attempt never closes the stage as done.
        package var isNarrowed: Bool { !only.isEmpty || tenant != nil }

        /// Refuses a selection that nothing matches: a typing error must not look like work done.
        ///
        /// - Throws: `notFound` when units were selected and none matched.
        package func checkMatches(_ matches: Bool, _ what: String) throws(Fault) {
            guard isNarrowed, !matches else { return }
            throw Fault(
                .notFound, "no \(what) matches --only or --tenant",
                hint: "With --dry-run, and without these two, the command lists what there is.")
        }

        /// Whether a host is selected; it is taken whole, whatever tenants it has.
        package func selects(host: String) -> Bool { only.isEmpty || only.contains { $0.matches(host) } }

        package func selects(_ unit: String, tenant name: String? = nil) -> Bool {
            if !only.isEmpty, !only.contains(where: { $0.matches(unit) }) { return false }
            if let tenant { return name.map { tenant.matches($0) } ?? false }
            return true
        }
    }

    package let configuration: Configuration
    package let job: JobSettings
    package let staging: StagingArea
    package let directory: JobDirectory
    package let request: Request
    package let clock: Clock
    package let log: Logger
    /// Name and version of this program, for records.
    package let tool: String

    /// Opens staging for a job.
    ///
    /// - Throws: `unmounted` for a staging that is not the right one.
    package init(
        configuration: Configuration, job: JobSettings, request: Request, clock: Clock, log: Logger, tool: String
    ) throws(Fault) {
        self.configuration = configuration
        self.job = job
        self.request = request
        self.clock = clock
        self.log = log
        self.tool = tool
        staging = try StagingArea.open(configuration)
        directory = try staging.job(job.name)
    }
}
