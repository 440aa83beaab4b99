/// `STAGE.json`: how an attempt of a stage for a run stands.
package struct StageRecord: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        case running, done, partial, failed
    }

    package struct FailedUnit: Codable, Sendable, Equatable {
        package var unit: String
        package var why: String
        /// True where nothing is broken: the same command again, later, will do it.
        package var isLater: Bool?
        /// True when an attempt before this one found it, and this one has not tried the unit.
        package var isEarlier: Bool?
        /// The kind of the fault, one word: `unreachable`, `noSpace`; nothing for a warning.
        package var reason: String?

        package init(
            unit: String, why: String, isLater: Bool = false, isEarlier: Bool = false, reason: String? = nil
        ) {
            self.unit = unit
            self.why = why
            self.isLater = isLater ? true : nil
            self.isEarlier = isEarlier ? true : nil
            self.reason = reason
        }

        /// Stands for the unit where the attempt itself failed.
        package static let attempt = "_attempt"

        /// For people: `web1: no route`.
        package var text: String { unit == Self.attempt || why.hasPrefix("\(unit):") ? why : "\(unit): \(why)" }

        /// The same, as an attempt tells it that has not tried the unit.
        package var earlier: FailedUnit {
            FailedUnit(unit: unit, why: why, isLater: isLater ?? false, isEarlier: true, reason: reason)
        }
    }

    package var format = JSONFile.format
    package var job: String
    package var run: String
    package var stage: Stage
    package var attempt: String
    /// The attempt of the stage before from which this one took its units; another one there means work here.
    package var upstream: String?
    /// ship: the identities of the vaults by their names.
    package var vaults: [String: String]?
    package var state: State
    /// The server and process of the attempt.
    package var host: String
    package var pid: Int
    package var startedAt: String
    package var finishedAt: String?
    /// Units by outcome, of this attempt and of all that the run has.
    package var units = 0
    package var done = 0
    package var skipped = 0
    package var bytesIn: Int64 = 0
    package var bytesOut: Int64 = 0
    package var seconds = 0.0
    /// ship: what the units of this attempt cost, by the vault's name; only of vaults that have prices.
    package var costs: [String: CostEstimate]?
    /// ship: the day of the prices.
    package var pricesOf: String?
    package var failed: [FailedUnit] = []
    /// Units that are done but need eyes: a file that could not be read, a tenant far too small.
    package var warnings: [FailedUnit] = []

    /// Units that `--only` or `--tenant` left for another attempt.
    package var leftOut: Int {
        guard state == .partial, !failed.contains(where: { $0.unit == FailedUnit.attempt }) else { return 0 }
        return max(0, units - done - skipped - failed.count)
    }

    package init(
        job: String, run: String, stage: Stage, attempt: String, state: State, host: String, pid: Int, startedAt: String
    ) {
        self.job = job
        self.run = run
        self.stage = stage
        self.attempt = attempt
        self.state = state
        self.host = host
        self.pid = pid
        self.startedAt = startedAt
    }
}
