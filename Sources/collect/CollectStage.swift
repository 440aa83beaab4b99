import Console
import Hosts
import Ledger
import Logging
import Platform
import Settings
import Staging

/// The collect stage: joins the hosts' trees with staging, several hosts at once.
struct CollectStage: Sendable {
    private let context: StageContext
    private let job: JobSettings
    private let rate: RateLimit?
    /// For how many seconds hosts are waited for that are not ready.
    private let patience: Double

    /// Seconds between two looks at hosts that are not ready: the first and the longest pause, each twice the one before.
    private static let (firstPause, longestPause) = (1.0, 10.0)
    private let progressMode: ProgressMode

    /// - Parameters:
    ///   - context: the job and what the command line asked for.
    ///   - bandwidth: the limit of the command line, which goes over that of the job.
    ///   - wait: how long hosts are waited for that are not ready.
    ///   - progress: when progress is drawn.
    init(_ context: StageContext, bandwidth: ByteRate?, wait: Period?, progress: ProgressMode) {
        progressMode = progress
        self.context = context
        job = context.job
        rate = (bandwidth ?? context.job.bandwidth).map { RateLimit(bytesPerSecond: $0.bytesPerSecond) }
        patience = Double(wait?.seconds ?? 0)
    }

    private func dates() throws(Fault) -> [CivilDate] {
        try context.request.checkMatches(job.hosts.contains { context.request.selects(host: $0.name) }, "host")
        let sources = MissedSources(job)
        return try PendingRuns(context).forCollect { (date) throws(Fault) in try sources.exist(date) }
    }

    /// Collects every pending run, oldest first.
    func run() throws(Fault) -> StageResult { try StageResult(of: dates(), collect) }

    private func collection(_ host: HostSettings, _ date: CivilDate) -> HostCollection {
        HostCollection(host: host, date: date, context: context, rate: rate)
    }

    private func collect(_ date: CivilDate) throws -> StageRecord {
        let run = try context.directory.makeRun(date)
        let attempt = try StageAttempt(.collect, of: run, context)
        if try run.record() == nil { try run.write(runRecord(date)) }
        var pending: [HostSettings] = []
        var before: [UnitRecord] = []
        var left: [String] = []
        for host in job.hosts {
            let isSelected = context.request.selects(host: host.name)
            if !(isSelected && context.request.force), let record = try collection(host, date).doneRecord(in: run) {
                before.append(record)
                // An attempt that died between the two has left it.
                try CollectionJournal.remove(host.name, in: try run.collectDirectory())
            } else if isSelected {
                pending.append(host)
            } else {
                left.append(host.name)
            }
        }
        let open = pending.map(\.name) + left
        if let previous = attempt.previousIfComplete(upstream: nil, pending: open.count) { return previous }
        return try attempt.recordingFailure(upstream: nil) {
            try attempt.open(upstream: nil, units: job.hosts.count, before: before, open: open)
            try collect(pending, run, attempt)
            if left.isEmpty, !context.request.isNarrowed {
                for (tenant, why) in try TenantAlarm(context: context).tenants(of: run) {
                    attempt.warn("tenant \(tenant)", why)
                }
            }
            return try attempt.close(isComplete: left.isEmpty)
        }
    }

    /// Collects hosts; those that are not ready are looked at again after the others, as long as there is time.
    private func collect(_ hosts: [HostSettings], _ run: RunDirectory, _ attempt: StageAttempt) throws {
        let deadline = Clock.monotonic() + patience
        let log = context.log
        let progress = try Progress(
            "collect \(job.name) \(run.date)", total: hosts.count, progressMode)
        defer { progress.finish() }
        var pending = hosts
        var pause = Self.firstPause
        while !pending.isEmpty {
            let setAside = Monitor<[HostSettings]>([])
            try attempt.perform(
                pending, atOnce: job.hostsAtOnce, name: { $0.name },
                isSetAside: { host, fault in
                    guard Clock.monotonic() < deadline else { return false }
                    log.info("\(host.name): waiting: \(fault)")
                    setAside.with { $0.append(host) }
                    return true
                }
            ) { host in
                try collection(host, run.date).collect(into: run, attempt: attempt.id, progress)
            }
            pending = setAside.with { $0 }
            if pending.isEmpty { return }
            Clock.pause(min(pause, deadline - Clock.monotonic()))
            try Shutdown.check()
            pause = min(2 * pause, Self.longestPause)
        }
    }

    private func runRecord(_ date: CivilDate) -> RunRecord {
        RunRecord(
            job: job.name, run: date.description, timezone: job.timezone,
            paths: Dictionary(job.hosts.map { ($0.name, $0.source(date)) }, uniquingKeysWith: { first, _ in first }),
            layout: job.layout.description, archive: job.archive.description, member: job.member.description,
            openedBy: "\(ProcessIdentity.user)@\(ProcessIdentity.host)", openedAt: context.clock.now().rfc3339)
    }

    // MARK: Dry run

    private struct DryRun: Codable {
        var run: String
        var host: String
        var counts: [String: Int64]
        var warnings: [String]
        /// False when the host is done already.
        var isPending: Bool
        /// Why the host can't be planned.
        var why: String?
        /// True where the same command later may plan it.
        var isLater: Bool?
    }

    /// Prints what a run would do: a host that can't be planned is named, and the others are planned all the same.
    func dryRun(_ output: Output, rows: Bool) throws -> Int32 {
        var results: [DryRun] = []
        for date in try dates() {
            let run = try context.directory.run(date)
            for host in job.hosts where context.request.selects(host: host.name) {
                do { results.append(try dryRun(host, date, run, rows ? output : nil)) } catch {
                    try Shutdown.check()
                    let fault = Fault.wrapping(error)
                    let name = fault.description.hasPrefix("\(host.name):") ? "" : "\(host.name): "
                    context.log.tell(
                        fault.code == .tryLater ? .notice : .error, "\(name)\(fault)", hint: fault.hint)
                    results.append(
                        DryRun(
                            run: date.description, host: host.name, counts: [:], warnings: [], isPending: true,
                            why: fault.description, isLater: fault.code == .tryLater))
                }
            }
        }
        try output.result(results) {
            if results.isEmpty { return "nothing to collect" }
            return results.map { result in
                let what = result.isPending ? "would collect " + HostCollection.outlook(result.counts) : "is done"
                return "\(job.name) \(result.run) \(result.host): "
                    + (result.why == nil ? what : result.isLater == true ? "is to be tried later" : "can't be planned")
            }.joined(separator: "\n")
        }
        let failed = results.filter { $0.why != nil }
        if failed.isEmpty { return ExitStatus.done }
        if failed.allSatisfy({ $0.isLater == true }) { return ExitStatus.tryLater }
        return failed.count == results.count ? ExitStatus.failed : ExitStatus.partial
    }

    /// What a run would do with one host; with `output` its entries are printed.
    private func dryRun(_ host: HostSettings, _ date: CivilDate, _ run: RunDirectory?, _ output: Output?) throws
        -> DryRun
    {
        let collection = collection(host, date)
        if let run, try !context.request.force && collection.doneRecord(in: run) != nil {
            return DryRun(run: date.description, host: host.name, counts: [:], warnings: [], isPending: false)
        }
        var chosen = CollectionOutcome()
        let outcome = try collection.plan { row in
            if let glob = context.request.tenant, !glob.matches(row.manifest.tenant) { return }
            chosen.count(row)
            if let output, !output.isJSON {
                output.line(
                    "\(row.action.rawValue)\t\(row.reason)\t\(date)\t\(host.name)\t\(row.entry.size)\t\(row.entry.key)")
            }
        }
        return DryRun(
            run: date.description, host: host.name,
            counts: context.request.tenant == nil ? outcome.counts : chosen.counts, warnings: outcome.warnings,
            isPending: true)
    }
}
