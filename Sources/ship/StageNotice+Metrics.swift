import Ledger
import Notify
import Platform
import Settings
import Staging

extension StageNotice {
    /// The figures of the job and of the newest run of each stage.
    ///
    /// - Parameter backlog: what waits for the vaults.
    /// - Returns: the figures, as coldchain(7) lists them.
    /// - Throws: `damaged` for a record that can't be read.
    func metrics(_ backlog: Notice.Backlog?) throws(Fault) -> [Notice.Metric] {
        var metrics: [Notice.Metric] = []
        for stage in Stage.allCases {
            var last: StageRecord?
            var lastSuccess: Timestamp?
            for date in try directory.runs() {
                guard let record = try directory.run(date)?.stageRecord(stage) else { continue }
                last = record
                if record.state == .done, let end = record.finishedAt.flatMap({ Timestamp(rfc3339: $0) }) {
                    lastSuccess = max(lastSuccess ?? end, end)
                }
            }
            let name = stage.rawValue
            if let lastSuccess {
                metrics.append(
                    .init(
                        "last_success_timestamp_seconds", help: "When a run was last done without a failure.",
                        stage: name,
                        value: Double(lastSuccess.seconds)))
            }
            guard let last else { continue }
            for (metric, help, value) in [
                ("run_seconds", "How long the newest run took.", last.seconds),
                ("run_in_bytes", "What the newest run read.", Double(last.bytesIn)),
                ("run_out_bytes", "What the newest run wrote.", Double(last.bytesOut)),
                ("run_units", "The units of the newest run.", Double(last.units)),
                ("run_failed_units", "The units of the newest run that failed.", Double(last.failed.count)),
                ("run_warnings", "The units of the newest run that need eyes.", Double(last.warnings.count)),
                ("run_objects", "The files or objects that the newest run made.", try objects(of: last)),
            ] {
                metrics.append(.init(metric, help: help, stage: name, value: value))
            }
            // A kind that has not failed this time has no figure; one of a record without kinds is "unknown".
            for (reason, units) in Dictionary(grouping: last.failed, by: { $0.reason ?? "unknown" }) {
                metrics.append(
                    .init(
                        "run_failures", help: "The units of the newest run that failed, by the kind of the fault.",
                        stage: name, reason: reason, value: Double(units.count)))
            }
            if stage == .ship { metrics += costMetrics(last) }
        }
        metrics += try recoveryPoint()
        if let backlog {
            metrics.append(
                .init(
                    "backlog_runs", help: "Runs that are collected and not in every vault.", value: Double(backlog.runs)
                ))
            metrics.append(
                .init("backlog_bytes", help: "Their content.", value: Double(backlog.bytes)))
            if let oldest = backlog.oldest.flatMap({ CivilDate($0) }) {
                metrics.append(
                    .init(
                        "oldest_unshipped_run_timestamp_seconds",
                        help: "The beginning of the oldest of their data dates.",
                        value: Double(oldest.dayNumber) * 86_400))
            }
        }
        return metrics
    }

    /// The files or objects that the units of a run have made, in all vaults.
    private func objects(of record: StageRecord) throws(Fault) -> Double {
        guard let date = CivilDate(record.run), let run = try directory.run(date) else { return 0 }
        var records: [UnitRecord] = []
        if record.stage == .ship {
            for vault in job.vaults { records += try run.unitRecords(.ship, vault: vault.name) }
        } else {
            records = try run.unitRecords(record.stage)
        }
        return Double(records.reduce(0) { $0 + $1.outputs.count })
    }

    private func costMetrics(_ record: StageRecord) -> [Notice.Metric] {
        let sums = ((try? costs(of: record)) ?? []).map(\.estimate.sum)
        guard !sums.isEmpty else { return [] }
        return [
            .init(
                "run_cost_dollars", help: "What the requests of the newest run cost, by the price table.",
                stage: "ship",
                value: sums.reduce(0) { $0 + $1.now }),
            .init(
                "run_month_cost_dollars", help: "What the newest run costs in each month that it is kept.",
                stage: "ship", value: sums.reduce(0) { $0 + $1.month }),
        ]
    }

    /// How old the newest day is that every vault holds: what would be lost if staging and the hosts were, now.
    private func recoveryPoint() throws(Fault) -> [Notice.Metric] {
        for date in try directory.runs().reversed() where try directory.run(date)?.stageRecord(.ship)?.state == .done {
            let end = Double(date.dayNumber + 1) * 86_400
            return [
                .init(
                    "newest_shipped_run_timestamp_seconds",
                    help: "The end of the newest data date that every vault holds.", value: end),
                .init(
                    "recovery_point_seconds", help: "How long ago that was when this was written.",
                    value: max(0, Double(clock.now().seconds) - end)),
            ]
        }
        return []
    }
}
