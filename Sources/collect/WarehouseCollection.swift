import AWS
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// The collect stage of a job of kind `warehouse`: joins the inventories of its bucket with staging, one entry list for each
/// database.
struct WarehouseCollection: Sendable {
    let context: StageContext
    let warehouse: WarehouseSettings
    /// For how many seconds an inventory that is not complete is waited for.
    let patience: Double

    private var job: JobSettings { context.job }

    init(_ context: StageContext, _ warehouse: WarehouseSettings, wait: Period?) {
        self.context = context
        self.warehouse = warehouse
        patience = Double((wait ?? warehouse.wait).seconds)
    }

    /// Collects every pending run, oldest first.
    func run() throws(Fault) -> StageResult {
        try StageResult(of: PendingRuns(context).forCollect { _ in true }, collect)
    }

    private func collect(_ date: CivilDate) throws -> StageRecord {
        let run = try context.directory.makeRun(date)
        let attempt = try StageAttempt(.collect, of: run, context)
        if try run.record() == nil { try run.write(runRecord(date)) }
        let before = try run.unitRecords(.collect)
        if !context.request.force, try run.stageRecord(.collect)?.leftOut == 0,
            try before.allSatisfy({ try isDone($0, run) }),
            let previous = attempt.previousIfComplete(upstream: nil, pending: 0)
        {
            return previous
        }
        return try attempt.recordingFailure(upstream: nil) {
            try attempt.open(upstream: nil, units: before.count, before: [])
            let began = context.clock.now().rfc3339
            let reading = try InventoryReading(self, date)
            try reading.keepEvidence(in: try run.collectDirectory())
            let lists = try DatabaseLists(
                reading.objects, warehouse, into: try run.collectDirectory(),
                isWanted: { context.request.selects($0, tenant: $0) })
            try check(lists, reading, attempt)
            try record(lists, reading, run, attempt, began)
            return try attempt.close(isComplete: !context.request.isNarrowed)
        }
    }

    // MARK: What is done

    /// What of the settings a list is made by.
    private var inputs: [String: String] {
        [
            "source": warehouse.source.bucket, "prefix": warehouse.prefix.description,
            "inventory": warehouse.inventories.map(\.description).joined(separator: " "),
        ]
    }

    private func isDone(_ record: UnitRecord, _ run: RunDirectory) throws(Fault) -> Bool {
        guard inputs.allSatisfy({ record.inputs[$0.key] == $0.value }),
            warehouse.selects(PathEscape.unescape(record.unit) ?? ByteString(record.unit))
        else { return false }
        if try run.pruneMark().time(of: record) != nil { return true }
        return try run.collectDirectory().exists(ByteString(DatabaseLists.fileName(unit: record.unit)))
    }

    // MARK: What was found

    /// Refuses what can't be the whole bucket, and raises the alarm for what is gone from it.
    private func check(_ lists: DatabaseLists, _ reading: InventoryReading, _ attempt: StageAttempt) throws(Fault) {
        let log = context.log
        log.notice(
            "\(Figures.count(reading.objects.totals.rows, "row", "rows")) in \(Figures.count(Int64(reading.objects.totals.files), "file", "files")) of \(reading.names.joined(separator: ", "))"
        )
        for name in reading.passedOver { attempt.warn("inventory", name) }
        if lists.excluded > 0 { log.info("\(lists.excluded) objects are of databases that are left out") }
        if lists.outside > 0 {
            log.notice("\(lists.outside) objects are of no database: their keys don't begin with '\(warehouse.prefix)'")
        }
        guard !lists.databases.isEmpty else {
            throw Fault(
                .damaged,
                "\(reading.names.joined(separator: ", ")): lists no object of any database (\(lists.outside) of none, \(lists.excluded) of databases that are left out)",
                hint: "An empty inventory is never taken for an empty bucket; see 'prefix', 'include' and 'exclude'.")
        }
        try context.request.checkMatches(
            lists.databases.contains { context.request.selects($0.unit, tenant: $0.unit) }, "database")
        let found = Set(lists.databases.map(\.unit))
        for (unit, run) in try knownDatabases(before: attempt.run.date).sorted(by: { $0.key < $1.key })
        where !found.contains(unit) {
            guard warehouse.selects(PathEscape.unescape(unit) ?? ByteString(unit)) else { continue }
            attempt.warn(
                unit,
                "alarm: the whole database is gone from the source, run \(run) had it; nothing is retired for that")
        }
    }

    /// The databases that the newest run in the ledger has.
    private func knownDatabases(before date: CivilDate) throws(Fault) -> [String: CivilDate] {
        let ledger = try context.directory.ledger()
        guard let newest = try ledger.runs().last(where: { $0 < date }) else { return [:] }
        return try ledger.units(of: newest).mapValues { _ in newest }
    }

    private func record(
        _ lists: DatabaseLists, _ reading: InventoryReading, _ run: RunDirectory, _ attempt: StageAttempt,
        _ began: String
    ) throws {
        let selected = lists.databases.filter { context.request.selects($0.unit, tenant: $0.unit) }
        if !context.request.isNarrowed { try removeOrphans(Set(selected.map(\.unit)), run) }
        try attempt.open(
            upstream: nil, units: lists.databases.count, before: [], open: lists.databases.map(\.unit))
        let (inputs, totals) = (inputs.merging(reading.inputs) { one, _ in one }, reading.objects.totals)
        let hasVersions = reading.hasVersions
        try attempt.perform(selected, atOnce: warehouse.databasesAtOnce, name: { $0.unit }) { database in
            if let fault = database.fault { throw fault }
            guard let list = database.list else { throw Fault(.io, "no list was written") }
            var record = UnitRecord(
                job: job.name, run: run.date.description, stage: .collect, unit: database.unit, attempt: attempt.id,
                tool: context.tool, startedAt: began, finishedAt: context.clock.now().rfc3339,
                inputs: inputs,
                outputs: [
                    .init(
                        path: "collect/" + DatabaseLists.fileName(unit: database.unit), size: list.size,
                        sha256: list.digest)
                ],
                counts: [
                    "objects": database.objects, "bytes": database.bytes,
                    "inventory.files": Int64(totals.files), "inventory.rows": totals.rows,
                ])
            for (name, sum) in database.classes {
                record.counts["class.\(name).objects"] = sum.objects
                record.counts["class.\(name).bytes"] = sum.bytes
            }
            if hasVersions { record.counts["versions"] = 1 }
            record.tenant = database.unit
            (record.bytesIn, record.bytesOut) = (database.bytes, list.size)
            try run.write(record)
            return .init(bytesIn: database.bytes, bytesOut: list.size)
        }
    }

    /// Removes lists of databases that this inventory has not, or the settings don't want any more.
    private func removeOrphans(_ units: Set<String>, _ run: RunDirectory) throws(Fault) {
        for record in try run.unitRecords(.collect) where !units.contains(record.unit) {
            context.log.notice("\(record.unit): is not in the inventory any more, its list is removed from staging")
            try run.removeRecord(.collect, record.unit)
            try run.collectDirectory().removeIfPresent(ByteString(DatabaseLists.fileName(unit: record.unit)))
        }
    }

    private func runRecord(_ date: CivilDate) -> RunRecord {
        let places = warehouse.inventories.map(\.description)
        return RunRecord(
            job: job.name, run: date.description, timezone: job.timezone,
            paths: Dictionary(places.enumerated().map { ("inventory.\($0.offset + 1)", $0.element) }) { one, _ in one },
            layout: warehouse.prefix.description, archive: "", member: "",
            openedBy: "\(ProcessIdentity.user)@\(ProcessIdentity.host)", openedAt: context.clock.now().rfc3339)
    }

    // MARK: Dry run

    private struct DryRun: Codable {
        var run: String
        var database: String
        var objects: Int64
        var bytes: Int64
        /// Bytes by storage class.
        var classes: [String: Int64]
        var isSelected: Bool
    }

    /// Reads the inventories and prints what each database has; nothing is written.
    func dryRun(_ output: Output) throws -> Int32 {
        var results: [DryRun] = []
        for date in try PendingRuns(context).forCollect(hasSource: { _ in true }) {
            let reading = try InventoryReading(self, date)
            let lists = try DatabaseLists(reading.objects, warehouse, into: nil, isWanted: { _ in false })
            for database in lists.databases {
                results.append(
                    DryRun(
                        run: date.description, database: database.unit, objects: database.objects,
                        bytes: database.bytes, classes: database.classes.mapValues { $0.bytes },
                        isSelected: context.request.selects(database.unit, tenant: database.unit)))
            }
        }
        try output.result(results) {
            var table = TextTable(["RUN", "DATABASE", "OBJECTS", "BYTES", "CLASSES", ""], right: [2, 3])
            for result in results {
                let classes = result.classes.sorted { $0.key < $1.key }.map { "\($0.key) \(Figures.bytes($0.value))" }
                table.add([
                    result.run, result.database, "\(result.objects)", Figures.bytes(result.bytes),
                    classes.joined(separator: ", "), result.isSelected ? "would be collected" : "left out",
                ])
            }
            return table.text
        }
        return ExitStatus.done
    }
}
