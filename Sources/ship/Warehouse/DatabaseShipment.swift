import AWS
import Codec
import Console
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging
import Vault
import Warehouse

/// Brings one database of one run into the vaults: content, then logs, then its manifest, then the record.
struct DatabaseShipment: Sendable {
    let stage: DatabaseStage
    let packed: UnitRecord
    let run: RunDirectory
    let attempt: String
    /// Copies at once.
    let threads: Int
    /// By the vault's name, with mode `full`.
    let snapshots: [String: SnapshotCopy]

    private let manifest: FileSource

    /// Opens the planned manifest, and makes sure that it is the one that was recorded.
    init(
        _ stage: DatabaseStage, _ packed: UnitRecord, _ run: RunDirectory, attempt: String, threads: Int,
        _ snapshots: [String: SnapshotCopy]
    ) throws(Fault) {
        self.stage = stage
        self.packed = packed
        self.run = run
        self.attempt = attempt
        self.threads = threads
        self.snapshots = snapshots
        let output = try DatabaseStage.plannedManifest(packed)
        manifest = try Self.staged(output, run)
        guard try SHA256Hasher.digest(of: manifest) == output.sha256 else {
            throw Fault(
                .damaged, "\(manifest.name): is not the manifest that was planned",
                hint: "Run 'pack \(stage.job.name) --run \(run.date) --only \(packed.unit) --force'.")
        }
    }

    static func staged(_ output: UnitRecord.Output, _ run: RunDirectory) throws(Fault) -> FileSource {
        let parts = ByteString(output.path).components
        let directory = try run.directory.descend(Array(parts.dropLast()))
        return try FileSource(try directory.openFile(parts.last ?? ""))
    }

    /// What a vault holds of the database after its copies.
    struct Held {
        var vault: BucketVault
        var built: ManifestCommit.Built
        var keys: DestinationKeys
        var totals: CopiedManifest.Totals
        var copies: CopyTotals
        var cost: CostEstimate?
        var journals: [CopyJournal]
        var uploads: LargeCopies
        var seconds: Double
    }

    func ship() throws -> StageAttempt.Outcome {
        let startedAt = stage.context.clock.now().rfc3339
        var held: [Held] = []
        for vault in stage.vaults { held.append(try copy(to: vault)) }
        // Not under the lock: what prune lets go is there for days, and taken back below.
        for one in held {
            try HeldCheck(but: run.date, one.keys, one.vault.places).check { () throws(Fault) in
                try ManifestReader(one.built.source)
            }
        }
        let records = try stage.commits.with { _ in
            let lock = try stage.context.directory.lockLedger(breaking: stage.context.request.breakLock)
            let records = try commit(held, startedAt)
            withExtendedLifetime(lock) {}
            return records
        }
        for one in held {
            // The record tells more than they do; another run has its own.
            for journal in one.journals { try journal.remove() }
            try one.uploads.end()
        }
        let bytes = held.reduce(Int64(0)) { $0 + $1.copies.copied.bytes }
        var costs: [String: CostEstimate] = [:]
        for one in held where one.copies.copied.objects > 0 { costs[one.vault.name] = one.cost }
        return .init(bytesIn: bytes, bytesOut: bytes, warnings: records.flatMap(\.warnings), costs: costs)
    }

    // MARK: Copies

    func reader() throws(Fault) -> ManifestReader { try ManifestReader(manifest) }

    private func copy(to vault: BucketVault) throws(Fault) -> Held {
        let began = Clock.monotonic()
        let snapshot = snapshots[vault.name]
        let keys =
            snapshot.map { DestinationKeys(snapshot: $0.bucket) }
            ?? DestinationKeys(job: stage.job.name, run: run.date, prefix: vault.store.prefix)
        let target = snapshot.map { vault.places.client(ofBucket: $0.bucket) } ?? vault.store.client
        let uploads = try place(".uploads.jsonl", vault) { (directory, name) throws(Fault) in
            try LargeCopies(name, in: directory)
        }
        let copier = ObjectCopier(
            from: vault.source(stage.warehouse.source), to: target, vault.copyOptions(tags: tags))
        let pass = CopyPass(
            copier, keys, vault.places, uploads: uploads, threads: threads, storageClass: contentClass(vault))
        var copies = CopyTotals()
        var journals: [CopyJournal] = []
        var batches: [BatchCSV.Part: BatchOutcome] = [:]
        // Content before logs: a log never names what is not there.
        for part in BatchCSV.Part.allCases {
            let batch = try DatabaseBatch(self, vault, keys, snapshot).run(part)
            batches[part] = batch
            let journal = try place(".\(part.rawValue).copies.tsv", vault) { (directory, name) throws(Fault) in
                try CopyJournal(name, in: directory)
            }
            let date = run.date
            let totals = try pass.run(
                { () throws(Fault) in try ManifestReader(manifest) },
                selecting: { row in
                    CopyPass.isTaken(row, by: date) && DestinationKeys.isLog(row.entry.key) == (part == .logs)
                        && !(batch?.holds(row) ?? false)
                }, journal: journal)
            copies += totals
            journals.append(journal)
            if let failure = totals.firstFailure {
                throw Fault(
                    .incomplete,
                    "vault \(vault.name): \(Figures.count(totals.failed.objects, "object", "objects")) could not be copied, the first: \(failure)",
                    hint: "What was copied is kept; run the same command again.")
            }
        }
        return try build(vault, keys, copies, journals, uploads, batches, began)
    }

    /// The class of copies of content: the plan has that of the job's first vault.
    private func contentClass(_ vault: BucketVault) -> String { vault.settings.storageClass }

    /// Tags of every copy.
    var tags: [String: String] {
        ["coldchain-job": stage.job.name, "coldchain-run": run.date.description]
    }

    func place<R>(
        _ suffix: String, _ vault: BucketVault, _ body: (Directory, ByteString) throws(Fault) -> R
    ) throws(Fault) -> R {
        let (directory, name) = try run.place(beside: packed.unit, .ship, vault: vault.name, suffix: suffix)
        return try body(directory, name)
    }

    private func build(
        _ vault: BucketVault, _ keys: DestinationKeys, _ copies: CopyTotals, _ journals: [CopyJournal],
        _ uploads: LargeCopies, _ batches: [BatchCSV.Part: BatchOutcome], _ began: Double
    ) throws(Fault) -> Held {
        var cost = CostEstimate()
        let file = try stage.context.staging.scratch.unnamedFile()
        let writer = try ManifestWriter(file)
        let manifest = CopiedManifest(run: run.date, storageClass: contentClass(vault)) { row in
            batches.values.contains { $0.holds(row) }
        }
        let totals = try manifest.write(try reader(), journals, into: writer) { row in
            if let one = stage.costs?.copy(row.entry.size, to: row.storageClass, vault: vault.name) { cost += one }
        }
        let digest = try writer.finish()
        let built = ManifestCommit.Built(source: try FileSource(file), sha256: digest, entries: writer.count)
        return Held(
            vault: vault, built: built, keys: keys, totals: totals, copies: copies,
            cost: cost.objects > 0 ? cost : nil, journals: journals, uploads: uploads,
            seconds: Clock.monotonic() - began)
    }

    // MARK: The manifest

    private func commit(_ held: [Held], _ startedAt: String) throws -> [UnitRecord] {
        let commit = ManifestCommit(
            host: packed.unit, run: run.date, layout: stage.layout, ledger: try stage.context.directory.ledger(),
            scratch: stage.context.staging.scratch, clock: stage.context.clock, attempt: attempt,
            shipped: { _, _, _ in nil },
            rescue: Rescue.taking(of: stage.context.directory, log: stage.context.log))
        for one in held {
            var rescue = try Rescue(one.vault.vault, of: stage.context.directory)
            let count = try rescue.takeBack(
                namedBy: try ManifestReader(one.built.source), why: "a manifest names it")
            if count > 0 {
                stage.context.log.notice(
                    "\(packed.unit): \(Figures.count(Int64(count), "object was", "objects were")) on the way out of \(one.vault.name), and taken back"
                )
            }
        }
        var outputs: [ManifestCommit.Output] = []
        for one in held { outputs.append(try commit.put(one.built, into: one.vault.vault)) }
        // From here on later runs may carry what the manifest lists, so every vault must have it.
        if stage.away.isEmpty, let first = held.first?.built, let number = outputs.first?.number {
            try commit.commitToLedger(first, number: number)
        }
        var records: [UnitRecord] = []
        for (one, output) in zip(held, outputs) {
            let record = try self.record(one, output, startedAt)
            try run.write(record, vault: one.vault.name)
            records.append(record)
            tell(one, record)
        }
        return records
    }
}
