import Codec
import Console
import Hosts
import Ledger
import Logging
import Platform
import Settings
import Staging

/// The collect stage: joins the hosts' trees with staging, host by host.
struct CollectStage: Sendable {
    private let context: StageContext
    private let job: JobSettings

    init(_ context: StageContext) {
        self.context = context
        job = context.job
    }

    /// Collects every pending run, oldest first.
    func run() throws -> [StageRecord] {
        let dates = try PendingRuns(context).forCollect(hasSource: hasSource)
        return try dates.map(collect)
    }

    /// Whether a missed date has anything to collect.
    private func hasSource(_ date: CivilDate) throws(Fault) -> Bool {
        job.hosts.contains { (try? Directory.open(job.sourcePath(host: $0, date: date))) != nil }
    }

    private func collect(_ date: CivilDate) throws -> StageRecord {
        let run = try context.directory.makeRun(date)
        let attempt = try StageAttempt(.collect, of: run, context)
        if try run.record() == nil { try run.write(runRecord(date)) }
        var pending: [String] = []
        var before: [UnitRecord] = []
        var left = 0
        for host in job.hosts {
            let isSelected = context.request.selects(host)
            if !(isSelected && context.request.force), let record = try doneRecord(host, run) {
                before.append(record)
            } else if isSelected {
                pending.append(host)
            } else {
                left += 1
            }
        }
        try context.request.checkMatches(job.hosts.contains { context.request.selects($0) }, "host")
        if let previous = attempt.previousIfComplete(upstream: nil, pending: pending.count + left) { return previous }
        try attempt.open(upstream: nil, units: job.hosts.count, before: before)
        try attempt.perform(pending, atOnce: job.hostsAtOnce, name: { $0 }) { host in
            try collect(host, run, attempt: attempt.id)
        }
        return try attempt.close(isComplete: left == 0)
    }

    private func runRecord(_ date: CivilDate) -> RunRecord {
        RunRecord(
            job: job.name, run: date.description, timezone: job.timezone,
            paths: Dictionary(
                job.hosts.map { ($0, job.sourcePath(host: $0, date: date)) }, uniquingKeysWith: { first, _ in first }),
            layout: job.layout.description, archive: job.archive.description, member: job.member.description,
            openedBy: "\(ProcessIdentity.user)@\(ProcessIdentity.host)", openedAt: context.clock.now().rfc3339)
    }

    // MARK: One host

    private func inputs(_ host: String, _ run: RunDirectory) -> [String: String] {
        [
            "path": job.sourcePath(host: host, date: run.date), "layout": job.layout.description,
            "unmatched": job.unmatched.description,
        ]
    }

    /// The record of a host that needs no more work in this run.
    private func doneRecord(_ host: String, _ run: RunDirectory) throws(Fault) -> UnitRecord? {
        guard let record = try run.unitRecord(.collect, host), record.inputs == inputs(host, run) else { return nil }
        let directory = try run.collectDirectory()
        for name in [host, Self.listName(host)] where try !directory.exists(ByteString(name)) { return nil }
        return record
    }

    static func listName(_ host: String) -> String { "\(host).entries.tsv.gz" }

    private func collection(_ host: String, _ date: CivilDate) throws(Fault) -> TreeCollection {
        let tree = try LocalTree(job.sourcePath(host: host, date: date))
        var placer = job.placer(host: host, date: date)
        var held: TreeCollection.Held?
        if !job.isDated {
            let ledger = try context.directory.ledger()
            if let newest = try ledger.newest(unit: host, before: date) {
                let reader = try ManifestReader(
                    try ledger.open(run: newest.run, unit: host, number: newest.number))
                held = { () throws(Fault) -> Manifest.Row? in try reader.next() }
            }
        }
        let rules = IncrementalPlan.Rules(
            isAlwaysFull: job.isDated, carryNotBefore: job.fullEvery.map { date.adding(days: -$0.days) })
        return TreeCollection(tree, held: held, rules: rules, run: date.description, clock: context.clock) {
            (path: ByteString) throws(Fault) -> Placement in placer.place(path)
        }
    }

    private func collect(_ host: String, _ run: RunDirectory, attempt: String) throws -> StageAttempt.Outcome {
        try context.staging.checkFree(context.configuration.minFree)
        let startedAt = context.clock.now().rfc3339
        let began = Clock.monotonic()
        let collection = try collection(host, run.date)
        let directory = try run.collectDirectory()
        let name = ByteString(host)
        let partial = PendingFile.temporaryName(for: name)
        let destination = try directory.descendCreating([partial])
        let list = try PendingFile(ByteString(Self.listName(host)), in: directory)
        let outcome = try collection.run(
            into: destination, list: list.file, workers: max(2, context.configuration.workers))
        try checkNotEmptied(host, run, outcome)

        // What this host had in this run before goes only now, its record first.
        try run.removeRecord(.collect, host)
        try directory.removeTree(name)
        try directory.rename(partial, to: name)
        try list.commit()
        let listSource = try FileSource(try directory.openFile(ByteString(Self.listName(host))))
        let counts = outcome.counts
        var record = UnitRecord(
            job: job.name, run: run.date.description, stage: .collect, unit: host, attempt: attempt, tool: context.tool,
            startedAt: startedAt, finishedAt: context.clock.now().rfc3339, inputs: inputs(host, run),
            outputs: [
                .init(
                    path: "collect/" + Self.listName(host), size: listSource.size,
                    sha256: try outcome.list ?? SHA256Hasher.digest(of: listSource))
            ], counts: counts)
        record.warnings = outcome.warnings
        let bytes = counts["bytes.taken"] ?? 0
        (record.bytesIn, record.bytesOut) = (bytes, bytes)
        try run.write(record)

        context.log.info(
            "\(host): \(counts["taken"] ?? 0) taken (\(Figures.bytes(bytes))), \(counts["carried"] ?? 0) carried, \(counts["skipped"] ?? 0) skipped, \(Figures.seconds(Clock.monotonic() - began))"
        )
        return .init(
            bytesIn: bytes, bytesOut: bytes,
            warnings: outcome.warningCount > Int64(outcome.warnings.count)
                ? outcome.warnings + ["and \(outcome.warningCount - Int64(outcome.warnings.count)) more"]
                : outcome.warnings)
    }

    /// A tree that had entries in an earlier run and has none now is taken for unmounted, never for emptied.
    private func checkNotEmptied(_ host: String, _ run: RunDirectory, _ outcome: CollectionOutcome) throws(Fault) {
        guard !job.allowEmpty, (outcome.counts["entries"] ?? 0) == 0 else { return }
        var hadEntries = outcome.counts["vanished"] ?? 0 > 0
        if !hadEntries {
            for date in try context.directory.runs().reversed() {
                guard let other = try context.directory.run(date), let record = try other.unitRecord(.collect, host)
                else {
                    continue
                }
                hadEntries = record.counts["entries"] ?? 0 > 0
                break
            }
        }
        guard hadEntries else { return }
        throw Fault(
            .unmounted, "\(job.sourcePath(host: host, date: run.date)): is empty, and was not in an earlier run",
            hint: "If its file system is mounted and it really is empty, set 'allow_empty = true' in the job.")
    }

    // MARK: Dry run

    private struct DryRun: Codable {
        var run: String
        var host: String
        var counts: [String: Int64]
        var warnings: [String]
    }

    /// Prints what a run would do.
    func dryRun(_ output: Output, rows: Bool) throws -> Int32 {
        var results: [DryRun] = []
        for date in try PendingRuns(context).forCollect(hasSource: hasSource) {
            let done = try context.directory.run(date)
            for host in job.hosts where context.request.selects(host) {
                if let done, try !context.request.force && doneRecord(host, done) != nil { continue }
                var taken: [String: Int64] = [:]
                let outcome = try collection(host, date).plan { row in
                    if let glob = context.request.tenant, !glob.matches(row.manifest.tenant) { return }
                    taken["entries." + row.action.rawValue, default: 0] += 1
                    if rows && !output.isJSON {
                        output.line(
                            "\(row.action.rawValue)\t\(row.reason)\t\(host)\t\(row.entry.size)\t\(row.entry.key)")
                    }
                }
                results.append(
                    DryRun(
                        run: date.description, host: host,
                        counts: context.request.tenant == nil ? outcome.counts : taken, warnings: outcome.warnings))
            }
        }
        try output.result(results) {
            if results.isEmpty { return "nothing to collect" }
            return results.map { result in
                let counts = result.counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                return "\(job.name) \(result.run) \(result.host): would collect: " + counts.joined(separator: ", ")
            }.joined(separator: "\n")
        }
        return ExitStatus.done
    }
}
