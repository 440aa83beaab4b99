import Codec
import Console
import Hosts
import Ledger
import Logging
import Platform
import Settings
import Staging

/// One host of one run: finds out whether it is ready, collects it, and writes its record.
struct HostCollection {
    let host: HostSettings
    let date: CivilDate
    let context: StageContext
    let rate: RateLimit?

    var job: JobSettings { context.job }
    private var name: ByteString { ByteString(host.name) }

    /// How often a tree is walked anew because logs were rotated under the walk.
    private static let passes = 2

    // MARK: What is done

    private var inputs: [String: String] {
        var inputs = [
            "path": host.source(date), "layout": job.layout.description, "unmatched": job.unmatched.description,
        ]
        if let checksums = host.checksums { inputs["source_checksums"] = checksums }
        return inputs
    }

    private var listName: String { "\(host.name).entries.tsv.gz" }

    /// The record, if the host needs no more work in this run.
    func doneRecord(in run: RunDirectory) throws(Fault) -> UnitRecord? {
        guard let record = try run.unitRecord(.collect, host.name), record.inputs == inputs else { return nil }
        let directory = try run.collectDirectory()
        // Nothing is lost where every vault holds it.
        if try run.pruneMark().time(of: record) != nil, try directory.exists(ByteString(listName)) { return record }
        for name in [host.name, listName] where try !directory.exists(ByteString(name)) { return nil }
        return record
    }

    /// What a run would do, row by row.
    func plan(_ each: (EntryList.Row) throws -> Void) throws -> CollectionOutcome {
        let tree = try tree()
        try checkReady(tree)
        return try collection(tree, until: nil).plan(each)
    }

    // MARK: Collecting

    /// Collects the host.
    ///
    /// - Throws: `tryLater` when it is not ready or may not be read now; whatever fails the host.
    func collect(into run: RunDirectory, attempt: String, _ progress: Progress) throws -> StageAttempt.Outcome {
        try context.staging.checkFree(context.configuration.minFree)
        let end = try checkWindow()
        let startedAt = context.clock.now().rfc3339
        let began = Clock.monotonic()
        let directory = try run.collectDirectory()
        let partial = PendingFile.temporaryName(for: name)
        if context.request.force { try CollectionJournal.remove(host.name, in: directory) }
        if try !CollectionJournal.exists(host.name, in: directory) { try directory.removeTree(partial) }

        let tree = try tree()
        try checkReady(tree)
        let list = try PendingFile(ByteString(listName), in: directory)
        let destination = try directory.descendCreating([partial])
        let counters = CollectionProgress()
        let shown = progress.begin(
            host.name, expected: try expectedBytes(), entries: counters.entries, bytes: counters.bytes)
        defer { progress.end(shown) }
        var outcome = CollectionOutcome()
        for pass in 1...Self.passes {
            try list.file.truncate(to: 0)
            try list.file.seek(to: 0)
            outcome = try collection(tree, until: end).run(
                into: destination, list: list.file, workers: workers,
                journal: try CollectionJournal(host.name, in: directory), progress: counters)
            let moved = (outcome.counts["skipped.vanished"] ?? 0) + (outcome.counts["replaced"] ?? 0)
            if moved == 0 || pass == Self.passes { break }
            context.log.info(
                "\(host.name): \(Figures.count(moved, "file was", "files were")) renamed or removed under the walk; looking once more"
            )
        }
        try checkNotEmptied(outcome)

        // What this host had in this run before goes only now, its record first.
        try run.removeRecord(.collect, host.name)
        try directory.removeTree(name)
        try directory.rename(partial, to: name)
        try list.commit()
        let record = try record(outcome, attempt, startedAt, directory)
        try run.write(record)
        try CollectionJournal.remove(host.name, in: directory)

        let seconds = Clock.monotonic() - began
        context.log.info("\(host.name): \(Self.summary(outcome, seconds))")
        if let count = outcome.counts["taken.lost"] {
            let again = Figures.count(count, "entry was", "entries were")
            context.log.warning("\(host.name): \(again) collected again: a vault has lost the archives that held them")
        }
        return .init(
            bytesIn: record.bytesIn ?? 0, bytesOut: record.bytesOut ?? 0,
            warnings: outcome.warningCount > Int64(outcome.warnings.count)
                ? outcome.warnings + ["and \(outcome.warningCount - Int64(outcome.warnings.count)) more"]
                : outcome.warnings)
    }

    /// What the host brought in the newest run before this one.
    private func expectedBytes() throws(Fault) -> Int64? {
        for earlier in try context.directory.runs().sorted(by: >) where earlier < date {
            if let record = try context.directory.run(earlier)?.unitRecord(.collect, host.name) {
                return record.bytesIn
            }
        }
        return nil
    }

    /// Threads that copy files: more than processors, since they wait for the host and for staging.
    private var workers: Int {
        switch host.access {
        case .mounted: max(2, context.configuration.workers)
        case .ssh: max(4, 2 * host.streams)
        }
    }

    /// - Returns: when the window closes that is open now.
    private func checkWindow() throws(Fault) -> Timestamp? {
        guard let window = job.window else { return nil }
        let now = context.clock.now()
        guard window.contains(now) else {
            throw Fault(.tryLater, "outside the job's window \(window)", hint: "Run the same command again then.")
        }
        return window.end(after: now)
    }

    private func record(_ outcome: CollectionOutcome, _ attempt: String, _ startedAt: String, _ directory: Directory)
        throws(Fault) -> UnitRecord
    {
        let list = try FileSource(try directory.openFile(ByteString(listName)))
        let digest: Digest256
        if let known = outcome.list { digest = known } else { digest = try SHA256Hasher.digest(of: list) }
        var record = UnitRecord(
            job: job.name, run: date.description, stage: .collect, unit: host.name, attempt: attempt,
            tool: context.tool, startedAt: startedAt, finishedAt: context.clock.now().rfc3339, inputs: inputs,
            outputs: [
                .init(path: "collect/" + listName, size: list.size, sha256: digest)
            ], counts: outcome.counts)
        record.warnings = outcome.warnings
        record.tenants = outcome.tenants
        let bytes = outcome.counts["bytes.taken"] ?? 0
        (record.bytesIn, record.bytesOut) = (bytes, bytes)
        return record
    }

    /// A tree that had entries in an earlier run and has none now is taken for unmounted, never for emptied.
    private func checkNotEmptied(_ outcome: CollectionOutcome) throws(Fault) {
        guard !host.allowEmpty, (outcome.counts["entries"] ?? 0) == 0 else { return }
        var hadEntries = outcome.counts["vanished"] ?? 0 > 0
        if !hadEntries {
            for earlier in try context.directory.runs().reversed() {
                guard let other = try context.directory.run(earlier),
                    let record = try other.unitRecord(.collect, host.name)
                else { continue }
                hadEntries = record.counts["entries"] ?? 0 > 0
                break
            }
        }
        guard hadEntries else { return }
        throw Fault(
            .unmounted, "\(host.source(date)): is empty, and was not in an earlier run",
            hint: "If its file system is mounted and it really is empty, set 'allow_empty = true' in the job.")
    }
}
