import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Warehouse

/// The pack stage of a job of kind `warehouse`: joins the entry lists of a run with the ledger, and plans what is copied.
struct WarehousePack: Sendable {
    let context: StageContext
    let warehouse: WarehouseSettings
    private var job: JobSettings { context.job }

    init(_ context: StageContext, _ warehouse: WarehouseSettings) {
        self.context = context
        self.warehouse = warehouse
    }

    /// Plans every pending run, oldest first, and what collect brings meanwhile.
    func run(_ following: Following?) throws(Fault) -> StageResult {
        guard let following else { return try PendingRuns(context).work(on: try pendingRuns(), pack) }
        return try following.run(pending: pendingRuns, work: pack, follow: follow)
    }

    private func pendingRuns() throws(Fault) -> [RunDirectory] { try PendingRuns(context).after(.collect, for: .pack) }

    /// Gives nothing for a run in which nothing is selected.
    private func pack(_ run: RunDirectory) throws -> StageRecord? {
        guard let upstream = try run.stageRecord(.collect)?.attempt else {
            throw Fault(.tryLater, "run \(run.date) has not been collected")
        }
        let attempt = try StageAttempt(.pack, of: run, context)
        return try attempt.recordingFailure(upstream: upstream) { try pack(run, attempt, upstream) }
    }

    /// Waits for the end of collect: its databases come all at once.
    private func follow(_ upstream: UpstreamAttempt) throws -> StageRecord? {
        let run = upstream.run
        let attempt = try StageAttempt(.pack, of: run, context)
        return try attempt.recordingFailure(upstream: upstream.id) {
            try attempt.open(upstream: upstream.id, units: 0, before: [])
            guard case .ended(let collect) = try Following.follow(upstream, { _ in }) else {
                attempt.postpone(upstream.death.message)
                _ = try attempt.close(isComplete: false)
                throw upstream.death
            }
            guard let record = try pack(run, attempt, upstream.id) else { return try attempt.close(isComplete: false) }
            try Following.checkComplete(record, of: collect, run)
            return record
        }
    }

    // MARK: One run

    func selects(_ record: UnitRecord) -> Bool {
        context.request.selects(record.unit, tenant: record.unit)
    }

    private func pack(_ run: RunDirectory, _ attempt: StageAttempt, _ upstream: String) throws -> StageRecord? {
        let collected = try run.unitRecords(.collect)
        if context.request.isNarrowed, !collected.contains(where: selects) { return nil }
        try removeOrphans(Set(collected.map(\.unit)), run)
        var pending: [UnitRecord] = []
        var before: [UnitRecord] = []
        var left: [String] = []
        for record in collected {
            if !(selects(record) && context.request.force), let done = try doneRecord(record, run) {
                before.append(done)
            } else if selects(record) {
                pending.append(record)
            } else {
                left.append(record.unit)
            }
        }
        let open = pending.map(\.unit) + left
        if let previous = attempt.previousIfComplete(upstream: upstream, pending: open.count) { return previous }
        try attempt.open(upstream: upstream, units: collected.count, before: before, open: open)
        // Planning is bound by the processors; that many tables at once would only need more memory.
        let atOnce = min(warehouse.databasesAtOnce, max(2, context.configuration.workers))
        try attempt.perform(pending, atOnce: atOnce, name: { $0.unit }) { record in
            try write(record, run, attempt: attempt.id)
        }
        return try attempt.close(isComplete: left.isEmpty)
    }

    private func removeOrphans(_ units: Set<String>, _ run: RunDirectory) throws(Fault) {
        for record in try run.unitRecords(.pack) where !units.contains(record.unit) {
            context.log.notice("\(record.unit): is not collected any more, removed from staging")
            try run.removeRecord(.pack, record.unit)
            for name in DatabasePlan.fileNames(unit: record.unit) {
                try run.packDirectory().removeIfPresent(ByteString(name))
            }
        }
    }

    // MARK: One database

    /// The newest manifest that every vault holds, as it is named in records: `RUN.N`.
    func held(_ unit: String, _ run: RunDirectory) throws(Fault) -> (name: String, source: FileSource)? {
        let ledger = try context.directory.ledger()
        guard let (date, number) = try ledger.newest(unit: unit, before: run.date) else { return nil }
        return ("\(date).\(number)", try ledger.open(run: date, unit: unit, number: number))
    }

    private var buckets: [BucketSettings] {
        job.vaults.compactMap { vault -> BucketSettings? in
            if case .bucket(let bucket) = vault.kind { bucket } else { nil }
        }
    }

    private func inputs(_ record: UnitRecord, held: String?) -> [String: String] {
        var inputs = record.inputs.filter { $0.key.hasPrefix("inventory ") }
        inputs["entries"] = record.outputs.first?.sha256.description
        inputs["held"] = held ?? ""
        inputs["classes"] = warehouse.classes.sorted().joined(separator: ",")
        inputs["mode"] = warehouse.mode.rawValue
        inputs["max_skipped"] = "\(warehouse.maxSkipped)"
        if warehouse.mode == .full { inputs["snapshot"] = warehouse.snapshot }
        inputs["log_class"] = warehouse.logClass
        inputs["storage_class"] = buckets.first?.storageClass
        inputs["vaults"] = job.vaults.map(\.name).joined(separator: ",")
        return inputs
    }

    /// The record of a database that was planned from the same list, against the same manifest.
    func doneRecord(_ record: UnitRecord, _ run: RunDirectory) throws(Fault) -> UnitRecord? {
        guard let done = try run.unitRecord(.pack, record.unit) else { return nil }
        let wanted = inputs(record, held: try held(record.unit, run)?.name)
        guard wanted.allSatisfy({ done.inputs[$0.key] == $0.value }) else { return nil }
        if try run.pruneMark().time(of: done) != nil { return done }
        let directory = try run.packDirectory()
        for output in done.outputs {
            let name = ByteString(String(output.path.dropFirst(Self.place.utf8.count)))
            guard try directory.exists(name), try directory.status(name).size == output.size else { return nil }
        }
        return done
    }

    private static let place = "pack/"

    func plan(_ record: UnitRecord, _ run: RunDirectory, held: FileSource?) throws(Fault) -> DatabasePlan {
        if let at = try run.pruneMark().time(of: record) {
            throw Fault(
                .notFound,
                "\(record.unit): its entry list was pruned from staging at \(at), after every vault held the run",
                hint: "Take it anew with 'collect \(job.name) --run \(run.date) --force', while its inventory is there."
            )
        }
        let name = DatabaseLists.fileName(unit: record.unit)
        let list = try FileSource(try run.collectDirectory().openFile(ByteString(name)))
        guard let output = record.outputs.first, list.size == output.size,
            try SHA256Hasher.digest(of: list) == output.sha256
        else {
            throw Fault(
                .damaged, "\(list.name): the entry list is not the one that its record names",
                hint: "Run 'collect \(job.name) --run \(run.date) --force'.")
        }
        // The longest, so that every vault has room for every key.
        let prefix = buckets.map(\.prefix).max { $0.utf8.count < $1.utf8.count } ?? ""
        return try DatabasePlan(
            unit: record.unit, list: list, held: held, settings: warehouse, run: run.date,
            keys: try warehouse.mode == .full
                ? DestinationKeys(
                    snapshot: SnapshotName.bucket(
                        template: warehouse.snapshot, source: warehouse.source.bucket, run: run.date))
                : DestinationKeys(job: job.name, run: run.date, prefix: ByteString(prefix.isEmpty ? "" : prefix + "/")),
            storageClass: buckets.first?.storageClass ?? "", maxVanished: job.retention.maxVanished)
    }

    private func write(_ collected: UnitRecord, _ run: RunDirectory, attempt: String) throws -> StageAttempt.Outcome {
        let startedAt = context.clock.now().rfc3339
        let began = Clock.monotonic()
        let held = try held(collected.unit, run)
        let plan = try plan(collected, run, held: held?.source)
        try run.removeRecord(.pack, collected.unit)
        let files = try plan.write(
            into: try run.packDirectory(), place: Self.place,
            inventoryFiles: Int(collected.counts["inventory.files"] ?? 0),
            hasVersions: collected.counts["versions"] != nil, bytes: Figures.bytes)
        var record = UnitRecord(
            job: job.name, run: run.date.description, stage: .pack, unit: collected.unit, attempt: attempt,
            tool: context.tool, startedAt: startedAt, finishedAt: context.clock.now().rfc3339,
            inputs: inputs(collected, held: held?.name), outputs: files.outputs, counts: files.totals.counts)
        record.inputs["route"] = files.route.rawValue
        record.counts["inventory.files"] = collected.counts["inventory.files"]
        record.warnings = plan.warnings(files.totals)
        record.tenant = collected.unit
        let totals = files.totals
        (record.bytesIn, record.bytesOut) = (totals.listed.bytes, totals.taken.bytes + totals.logs.bytes)
        try run.write(record)
        context.log.info(
            "\(collected.unit): \(totals.taken.objects + totals.logs.objects) of \(totals.listed.objects) objects to copy (\(Figures.bytes(totals.taken.bytes + totals.logs.bytes))), \(totals.carried.objects) held, \(totals.allSkipped.objects) left out, \(totals.vanished.objects) vanished, \(files.route.rawValue), \(Figures.seconds(Clock.monotonic() - began))"
        )
        return .init(
            bytesIn: totals.listed.bytes, bytesOut: totals.taken.bytes + totals.logs.bytes, warnings: record.warnings)
    }
}
