import Ledger

/// Which attempts of a stage were told: `notified.JOB.STAGE.json` in the state directory.
///
/// By their ids, since the time of a server may jump.
struct ToldAttempts: Codable {
    /// The newest attempt that was told of each run.
    private var attempts: [String: String] = [:]

    func has(_ record: StageRecord) -> Bool { attempts[record.run] == record.attempt }

    /// Notes attempts as told, and forgets runs that are no longer there.
    ///
    /// - Parameters:
    ///   - records: those that were told.
    ///   - runs: the runs on staging.
    mutating func add(_ records: [StageRecord], keeping runs: Set<String>) {
        attempts = attempts.filter { runs.contains($0.key) }
        for record in records { attempts[record.run] = record.attempt }
    }
}
