import Console
import Ledger
import Logging
import Notify
import Platform
import Settings
import Staging

/// Makes a notice out of what the stages have left on staging.
struct StageNotice {
    let directory: JobDirectory
    let job: JobSettings
    let stage: Stage
    let clock: Clock
    /// What vaults charge.
    let configuration: Configuration

    /// How many earlier runs a run is compared with.
    private static let compared = 7

    /// Tells how the stage stands.
    ///
    /// An attempt that is at work is none to tell of.
    ///
    /// - Parameters:
    ///   - event: what is told.
    ///   - wasTold: says whether an attempt was told before.
    /// - Returns: the notice, and the attempts that it tells of.
    /// - Throws: `damaged` for a record that can't be read.
    func make(
        _ event: NotifySettings.Event, wasTold: (StageRecord) -> Bool
    ) throws(Fault) -> (notice: Notice, records: [StageRecord]) {
        var notice = Notice(
            event: event, tier: job.notify.tier(of: event), host: ProcessIdentity.host, job: job.name,
            stage: stage.rawValue, at: clock.now().rfc3339)
        var records: [StageRecord] = []
        var history: [StageRecord] = []
        for date in try directory.runs() {
            guard let run = try directory.run(date), let record = try run.stageRecord(stage) else { continue }
            if wasTold(record) {
                history.append(record)
            } else if record.state == .running, try StageAttempt.isRunning(stage, run) {
                continue
            } else {
                // One that is still open is that of an attempt that was killed.
                records.append(record)
            }
        }
        for record in records {
            notice.runs.append(
                .init(
                    run: record.run, state: record.state == .running ? "killed" : record.state.rawValue,
                    units: record.units, done: record.done + record.skipped, failed: record.failed.count,
                    bytesIn: record.bytesIn, bytesOut: record.bytesOut, seconds: record.seconds))
            notice.failed += record.failed.map { trouble($0, record) }
            notice.warnings += record.warnings.map { trouble($0, record) }
            if let command = rerun(record) { notice.rerun.append(command) }
        }
        if notice.rerun.isEmpty, event == .failure { notice.rerun = ["\(stage.rawValue) \(job.name)"] }
        if let last = records.last { notice.trend = trend(last, history.suffix(Self.compared)) }
        notice.backlog = try backlog()
        notice.metrics = try metrics(notice.backlog)
        if stage == .ship {
            // What can't be priced hinders no notice.
            for record in records {
                for (vault, estimate) in (try? costs(of: record)) ?? [] {
                    notice.costs.append(
                        "\(record.run) \(vault): \(Figures.costs(estimate.sum, pricesOf: estimate.date))")
                }
            }
        }
        return (notice, records)
    }

    private func trouble(_ unit: StageRecord.FailedUnit, _ record: StageRecord) -> Notice.Trouble {
        // The reason often names its unit itself.
        let prefix = "\(unit.unit): "
        let why = unit.why.hasPrefix(prefix) ? String(unit.why.dropFirst(prefix.count)) : unit.why
        let name = unit.unit == StageRecord.FailedUnit.attempt ? record.stage.rawValue : unit.unit
        return .init(run: record.run, unit: name, why: why)
    }

    /// The command that does again what failed in a run, and that alone.
    private func rerun(_ record: StageRecord) -> String? {
        guard record.state != .done else { return nil }
        var words = [stage.rawValue, job.name, "--run", record.run]
        let units = record.failed.map(\.unit)
        // Not every unit has a name that --only takes, such as `web1 manifest`; then the run is done as a whole.
        if !units.isEmpty, units.count <= 10, !units.contains(StageRecord.FailedUnit.attempt),
            !units.contains(where: { $0.contains("_manifest") || $0.contains(" ") })
        {
            for unit in units { words += ["--only", Self.quoted(unit)] }
        }
        return words.joined(separator: " ")
    }

    /// As a shell takes it for one word.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "-_./=:@%+,".utf8.contains(byte)
            }
        }
        return isPlain && !word.isEmpty
            ? word
            : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    private func trend(_ last: StageRecord, _ history: some Collection<StageRecord>) -> [String] {
        let done = history.filter { $0.state == .done || $0.state == .partial }
        guard !done.isEmpty else { return [] }
        func median<T: Comparable>(_ values: [T]) -> T { values.sorted()[values.count / 2] }
        let runs = Figures.count(Int64(done.count), "run", "runs")
        return [
            "in \(Figures.bytes(last.bytesIn)), the median of \(runs) is \(Figures.bytes(median(done.map(\.bytesIn))))",
            "took \(Figures.seconds(last.seconds)), the median of \(runs) is \(Figures.seconds(median(done.map(\.seconds))))",
        ]
    }

    /// What a run costs in each vault that is paid for.
    func costs(of record: StageRecord) throws(Fault) -> [(
        vault: String, estimate: (sum: CostEstimate, date: CivilDate)
    )] {
        guard let date = CivilDate(record.run), let run = try directory.run(date) else { return [] }
        let costs = try ShipmentCosts(
            job.vaults, configuration, log: Logger(label: "notice") { _ in SwiftLogNoOpLogHandler() })
        var sums: [(vault: String, estimate: (sum: CostEstimate, date: CivilDate))] = []
        let packed = try run.unitRecords(.pack)
        for vault in job.vaults {
            var sum = CostEstimate()
            for unit in packed { if let one = costs.estimate(unit, vault: vault.name) { sum += one } }
            if sum.objects > 0, let date = costs.pricesDate { sums.append((vault.name, (sum, date))) }
        }
        return sums
    }

    /// The runs that are collected, at least in part, and not in every vault.
    func backlog() throws(Fault) -> Notice.Backlog {
        var backlog = Notice.Backlog(runs: 0, bytes: 0, oldest: nil)
        for date in try directory.runs() {
            guard let run = try directory.run(date), let collected = try run.stageRecord(.collect),
                collected.bytesOut > 0 || collected.done + collected.skipped > 0,
                try run.stageRecord(.ship)?.state != .done
            else { continue }
            backlog.runs += 1
            backlog.bytes += collected.bytesOut
            backlog.oldest = backlog.oldest ?? date.description
        }
        return backlog
    }

    /// Runs that should be there and are not, and those that wait for too long, in sentences.
    ///
    /// - Parameter since: when the job's settings were written: what was due before they were is not missing.
    /// - Returns: the sentences; none where nothing is missing.
    /// - Throws: `damaged` for a record that can't be read.
    func missing(since: Timestamp) throws(Fault) -> [String] {
        let now = clock.now()
        let overdue = job.overdue
        // A day is over at the next midnight, so that much later its run is overdue.
        let expected = CivilDate(localDayOf: Timestamp(seconds: now.seconds - overdue.seconds))
            .adding(days: -job.daysBehind)
        var missing: [String] = []
        if let newest = try newestCollected() {
            if newest < expected {
                missing.append("the newest collected run is that of \(newest); that of \(expected) should be there")
            }
        } else if try !directory.runs().isEmpty || now.since(since) > Double(overdue.seconds) + 86_400 {
            missing.append("no run was ever collected; that of \(expected) should be there")
        }
        for date in try directory.runs() {
            guard let run = try directory.run(date), let collected = try run.stageRecord(.collect),
                let begun = Timestamp(rfc3339: collected.startedAt),
                now.since(begun) > Double(job.notify.patience.seconds),
                try run.stageRecord(.ship)?.state != .done
            else { continue }
            let state = try run.stageRecord(.ship)?.state.rawValue ?? "waiting"
            missing.append("run \(date) was begun \(collected.startedAt) and is not in every vault: ship is \(state)")
        }
        return missing
    }

    private func newestCollected() throws(Fault) -> CivilDate? {
        for date in try directory.runs().reversed() {
            if let record = try directory.run(date)?.stageRecord(.collect),
                record.state == .done || record.state == .partial
            {
                return date
            }
        }
        return nil
    }
}
