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
    private let shipment: DatabaseShipment
    private let vault: BucketVault
    private let keys: DestinationKeys
    private let snapshot: SnapshotCopy?

    init(_ shipment: DatabaseShipment, _ vault: BucketVault, _ keys: DestinationKeys, _ snapshot: SnapshotCopy?) {
        self.shipment = shipment
        self.vault = vault
        self.keys = keys
        self.snapshot = snapshot
    }

    private var stage: DatabaseStage { shipment.stage }
    private var unit: String { shipment.packed.unit }

    /// Copies what pack has listed for a job.
    ///
    /// - Returns: what became of it; nothing where all is copied by requests of our own.
    func run(_ part: BatchCSV.Part) throws(Fault) -> CompletionReport? {
        // One job has copied the whole bucket.
        if let report = snapshot?.report { return report }
        guard shipment.packed.inputs["route"] == "batch", let batch = stage.warehouse.batch,
            let csv = shipment.packed.outputs.first(where: { $0.path.hasSuffix(".\(part.rawValue).csv") })
        else { return nil }
        let manifest = try upload(csv, part)
        let job = BatchRequest(stage, vault, batch).job(
            "\(unit) \(part.rawValue)", .csv, shipment.run.date,
            manifest: (
                vault.arn("\(vault.settings.bucket)/\(String(decoding: manifest.key.bytes, as: UTF8.self))"),
                manifest.etag
            ),
            report: "\(stage.job.name)/_batch/\(shipment.run.date)/\(unit).\(part.rawValue)",
            target: target(part), tags: shipment.tags)
        let control = try vault.store.client.control(account: batch.account, endpoint: batch.endpoint)
        let log = stage.context.log
        let name = "\(unit): \(part.rawValue)"
        return try shipment.place(".\(part.rawValue).batch.json", vault) { (directory, file) throws(Fault) in
            let copy = BatchCopy(
                control, reports: BatchRequest(stage, vault, batch).reports, state: file, in: directory,
                onStatus: { BatchRequest.tell($0, name, log) })
            var wanted = job
            if try hasVersions(csv) { wanted.manifestHasVersions = true }
            return try copy.run(wanted, digest: csv.sha256, expecting: try expected(part))
        }
    }

    private func target(_ part: BatchCSV.Part) -> (bucket: String, prefix: String, storageClass: String) {
        let storageClass = part == .logs ? stage.warehouse.logClass : vault.settings.storageClass
        if let snapshot { return (snapshot.bucket, "", storageClass) }
        let own = part == .logs ? keys.changed : keys.data
        // The service puts the slash between prefix and key.
        let prefix = String(decoding: vault.store.prefix.bytes, as: UTF8.self) + own.dropLast()
        return (vault.settings.bucket, prefix, storageClass)
    }

    /// The keys that the job's report must tell.
    private func expected(_ part: BatchCSV.Part) throws(Fault) -> KeySum {
        var sum = KeySum()
        let reader = try shipment.reader()
        while let row = try reader.next() {
            guard CopyPass.isTaken(row, by: shipment.run.date), BatchCSV.part(of: row, keys) == part else { continue }
            sum.add(row.entry.key)
        }
        return sum
    }

    /// Whether the lines have a third field: all of them do or none does.
    private func hasVersions(_ csv: UnitRecord.Output) throws(Fault) -> Bool {
        let source = try DatabaseShipment.staged(csv, shipment.run)
        let buffer = Buffer(capacity: 8 << 10)
        buffer.count = try source.read(into: buffer.bytes, at: 0)
        let line = buffer.contents.prefix { $0 != UInt8(ascii: "\n") }
        return line.count { $0 == UInt8(ascii: ",") } > 1
    }

    /// Puts the list where the service reads it, unless it is there.
    private func upload(_ csv: UnitRecord.Output, _ part: BatchCSV.Part) throws(Fault) -> (
        key: ByteString, etag: String
    ) {
        let source = try DatabaseShipment.staged(csv, shipment.run)
        let name = "\(unit).\(part.rawValue).\(csv.sha256.description.prefix(16)).csv"
        let key = try ObjectKey("\(stage.job.name)/_batch/\(shipment.run.date)/\(name)")
        let expected = try PartDigests.content(of: source, sha256: csv.sha256)
        do throws(Fault) { _ = try vault.store.put(source, expecting: expected, to: key, PutOptions(.sidecar)) } catch {
            guard error.code == .exists else { throw error }
            _ = try vault.store.verify(key, expecting: expected)
        }
        let full = vault.store.prefix + key.bytes
        guard let info = try vault.store.client.head(full) else {
            throw Fault(.notFound, "\(vault.store.client.name(full)): is not there after it was put")
        }
        return (full, info.etag)
    }
}
