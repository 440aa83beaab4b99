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

/// The jobs of S3 Batch Operations for a database, where its plan says so.
struct DatabaseBatch {
    private let copy: DatabaseCopy

    init(_ copy: DatabaseCopy) { self.copy = copy }

    private var shipment: DatabaseShipment { copy.shipment }
    private var vault: BucketVault { copy.vault }
    private var keys: DestinationKeys { copy.keys }
    private var snapshot: SnapshotCopy? { copy.snapshot }
    private var places: BatchPlaces { BatchPlaces(job: stage.job.name) }
    private var stage: DatabaseStage { shipment.stage }
    private var unit: String { shipment.packed.unit }

    /// Copies what pack has listed for a job, but for what would replace something.
    ///
    /// - Returns: what became of it; nothing where all is copied by requests of our own.
    func run(_ part: BatchCSV.Part) throws(Fault) -> BatchOutcome? {
        var tasks = BatchTasks(part, keys, run: shipment.run.date, but: copy.plan.totals.lackingKeys)
        // One job has copied the whole bucket.
        if let report = snapshot?.report { return try proved(tasks, report) }
        guard shipment.packed.inputs["route"] == "batch", let batch = stage.warehouse.batch,
            let csv = shipment.packed.outputs.first(where: { $0.path.hasSuffix(".\(part.rawValue).csv") })
        else { return nil }
        let request = BatchRequest(stage, vault, batch)
        let control = try vault.store.client.control(account: batch.account, endpoint: batch.endpoint)
        let (log, name) = (stage.context.log, "\(unit): \(part.rawValue)")
        let report = try copy.place(".\(part.rawValue).batch.json") {
            (directory, file) throws(Fault) -> CompletionReport? in
            let job = BatchCopy(
                control, reports: request.reports, state: file, in: directory,
                onStatus: { BatchRequest.tell($0, name, log) })
            let (_, table) = try shipment.run.place(
                beside: unit, .ship, vault: vault.name, suffix: ".\(part.rawValue).occupied.tsv.gz")
            // A job that was begun has left its copies where it writes.
            if try job.isBegun(csv.sha256), try directory.exists(table) {
                try tasks.readOccupied(table, in: directory)
            } else {
                try tasks.findOccupied(table, in: directory, vault.places, copy.plan.reader)
            }
            if tasks.occupied.count > 0 {
                log.info(
                    "\(name): \(Figures.count(Int64(tasks.occupied.count), "place is", "places are")) taken, and these objects are copied one by one"
                )
            }
            guard let list = try list(csv, tasks) else { return nil }
            let manifest = try upload(list, part)
            var wanted = request.job(
                "\(unit) \(part.rawValue)", .csv, shipment.run.date,
                manifest: (
                    vault.arn("\(vault.settings.bucket)/\(S3Client.text(manifest.key))"), manifest.etag
                ),
                report: places.report(unit, part, run: shipment.run.date), target: target(part), tags: copy.tags)
            wanted.manifestHasVersions = list.hasVersions
            return try job.run(wanted, digest: csv.sha256, expecting: list.keys)
        }
        return try report.map { report throws(Fault) in try proved(tasks, report) }
    }

    private func proved(_ tasks: BatchTasks, _ report: CompletionReport) throws(Fault) -> BatchOutcome {
        var outcome = BatchOutcome(tasks, report)
        try outcome.prove(vault.source(stage.warehouse.source), vault.places, copy.plan.reader)
        if outcome.unproved > 0 {
            stage.context.log.notice(
                "\(unit): \(Figures.count(outcome.unproved, "copy", "copies")) of S3 Batch Operations can't be proved to be what the inventory lists, and \(outcome.unproved == 1 ? "is" : "are") looked at one by one"
            )
        }
        return outcome
    }

    private func target(_ part: BatchCSV.Part) -> (bucket: String, prefix: String, storageClass: String) {
        let storageClass = part == .logs ? stage.warehouse.logClass : vault.settings.storageClass
        if let snapshot { return (snapshot.bucket, "", storageClass) }
        let own = part == .logs ? keys.changed : keys.data
        // The service puts the slash between prefix and key.
        let prefix = String(decoding: vault.store.prefix.bytes, as: UTF8.self) + own.dropLast()
        return (vault.settings.bucket, prefix, storageClass)
    }

    /// What a job is given.
    private struct List {
        var source: FileSource
        var sha256: Digest256
        /// That its report must tell.
        var keys: KeySum
        var hasVersions: Bool
    }

    /// The list of pack, or what is left of it without the places that are taken; nothing where that is nothing.
    private func list(_ csv: UnitRecord.Output, _ tasks: BatchTasks) throws(Fault) -> List? {
        let whole = try DatabaseShipment.staged(csv, shipment.run)
        let hasVersions = try hasVersions(whole)
        var writer: (writer: BatchCSV.Writer, file: File)?
        if tasks.occupied.count > 0 {
            let file = try stage.context.staging.scratch.unnamedFile()
            writer = (
                BatchCSV.Writer(file, bucket: stage.warehouse.source.bucket, hasVersions: hasVersions), file
            )
        }
        var keys = KeySum()
        let reader = try copy.plan.reader()
        while let row = try reader.next() {
            guard tasks.includes(row) else { continue }
            keys.add(row.entry.key)
            try writer?.writer.write(row.entry)
        }
        guard keys.count > 0 else { return nil }
        guard let (writer, file) = writer else {
            return List(source: whole, sha256: csv.sha256, keys: keys, hasVersions: hasVersions)
        }
        let digest = try writer.finish()
        return List(source: try FileSource(file), sha256: digest, keys: keys, hasVersions: hasVersions)
    }

    /// Whether the lines have a third field: all of them do or none does.
    private func hasVersions(_ source: FileSource) throws(Fault) -> Bool {
        let buffer = Buffer(capacity: 8 << 10)
        buffer.count = try source.read(into: buffer.bytes, at: 0)
        let line = buffer.contents.prefix { $0 != UInt8(ascii: "\n") }
        return line.count { $0 == UInt8(ascii: ",") } > 1
    }

    /// Puts the list where the service reads it, unless it is there.
    private func upload(_ list: List, _ part: BatchCSV.Part) throws(Fault) -> (key: ByteString, etag: String) {
        let key = try ObjectKey(
            places.list(unit, part, run: shipment.run.date, digest: list.sha256.description))
        let expected = try PartDigests.content(of: list.source, sha256: list.sha256)
        do throws(Fault) {
            _ = try vault.store.put(list.source, expecting: expected, to: key, PutOptions(.sidecar))
        } catch {
            guard error.code == .exists else { throw error }
            _ = try vault.store.verify(key, expecting: expected)
            try shipment.takeBack(key, in: vault, why: "a job reads it")
        }
        let full = vault.store.prefix + key.bytes
        guard let info = try vault.store.client.head(full) else {
            throw Fault(.notFound, "\(vault.store.client.name(full)): is not there after it was put")
        }
        return (full, info.etag)
    }
}
