import Platform
package import Settings

/// How a stage of a job ended, or that something is missing: what every channel tells in its own way.
package struct Notice: Codable, Sendable, Equatable {
    package typealias Tier = NotifySettings.Tier

    /// One run as the stage left it.
    package struct Run: Codable, Sendable, Equatable {
        package var run: String
        package var state: String
        package var units: Int
        package var done: Int
        package var failed: Int
        package var bytesIn: Int64
        package var bytesOut: Int64
        package var seconds: Double

        package init(
            run: String, state: String, units: Int, done: Int, failed: Int, bytesIn: Int64, bytesOut: Int64,
            seconds: Double
        ) {
            self.run = run
            self.state = state
            self.units = units
            self.done = done
            self.failed = failed
            self.bytesIn = bytesIn
            self.bytesOut = bytesOut
            self.seconds = seconds
        }
    }

    /// A unit that failed or needs eyes, and why.
    package struct Trouble: Codable, Sendable, Equatable {
        package var run: String
        package var unit: String
        package var why: String

        package init(run: String, unit: String, why: String) {
            self.run = run
            self.unit = unit
            self.why = why
        }
    }

    /// What is collected and not yet in every vault.
    package struct Backlog: Codable, Sendable, Equatable {
        package var runs: Int
        package var bytes: Int64
        /// The data date of the oldest one.
        package var oldest: String?

        package init(runs: Int, bytes: Int64, oldest: String?) {
            self.runs = runs
            self.bytes = bytes
            self.oldest = oldest
        }
    }

    /// A figure for monitoring.
    package struct Metric: Codable, Sendable, Equatable {
        /// Without the prefix `coldchain_`, in base units.
        package var name: String
        package var help: String
        package var stage: String?
        /// The kind of a failure, where the figure counts failures.
        package var reason: String?
        package var value: Double

        package init(_ name: String, help: String, stage: String? = nil, reason: String? = nil, value: Double) {
            self.name = name
            self.help = help
            self.stage = stage
            self.reason = reason
            self.value = value
        }
    }

    /// Its own, by which whoever gets it twice knows it again.
    package var id: String
    package var event: NotifySettings.Event
    package var tier: Tier
    /// This server.
    package var host: String
    package var job: String
    package var stage: String
    package var at: String
    /// True where it could not be told then, and is told now.
    package var isLate: Bool?
    /// How the process ended, where systemd tells: `killed by signal KILL`, `exit status 1`.
    package var end: String?
    package var runs: [Run] = []
    package var failed: [Trouble] = []
    package var warnings: [Trouble] = []
    /// What is missing, in sentences.
    package var missing: [String] = []
    /// The commands that do again what failed, and that alone.
    package var rerun: [String] = []
    package var backlog: Backlog?
    /// How this run compares with those before it: `in 1.2 TiB, median of 7 runs 1.3 TiB`.
    package var trend: [String] = []
    /// What it costs, a line for each vault that is paid for.
    package var costs: [String] = []
    /// What the unit said last.
    package var lines: [String] = []
    package var metrics: [Metric] = []

    package init(
        event: NotifySettings.Event, tier: Tier, host: String, job: String, stage: String, at: String,
        id: String = RandomID.make()
    ) {
        self.id = id
        self.event = event
        self.tier = tier
        self.host = host
        self.job = job
        self.stage = stage
        self.at = at
    }
}
