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

/// Copies what the plan of a database takes into one vault: content, then logs.
struct DatabaseCopy: Sendable {
    let shipment: DatabaseShipment
    let vault: BucketVault
    let keys: DestinationKeys
    let snapshot: SnapshotCopy?
    let plan: PlannedManifest

    /// Finds out what the vault has of what the plan carries.
    init(_ shipment: DatabaseShipment, to vault: BucketVault) throws(Fault) {
        self.shipment = shipment
        self.vault = vault
        snapshot = shipment.snapshots[vault.name]
        keys = try shipment.stage.keys(run: shipment.run.date, in: vault)
        plan = try PlannedManifest(shipment.manifest, shipment.packed, shipment.run, vault, keys, shipment.stage)
    }

    private var stage: DatabaseStage { shipment.stage }
    private var unit: String { shipment.packed.unit }

    /// What a vault holds of the database after its copies.
    struct Held {
        var vault: BucketVault
        var built: ManifestCommit.Built
        var totals: CopiedManifest.Totals
        var lacking: CopyTotals.Count
        var copies: CopyTotals
        var cost: CostEstimate?
        var journals: [CopyJournal]
        var uploads: LargeCopies
        var seconds: Double
    }

    func run() throws(Fault) -> Held {
        let began = Clock.monotonic()
        try BegunJobs(stage, vault).check(unit, before: shipment.run, in: shipment.openRuns)
        tellDifferences()
        let target = snapshot.map { vault.places.client(ofBucket: $0.bucket) } ?? vault.store.client
        let uploads = try place(".uploads.jsonl") { (directory, name) throws(Fault) in
            try LargeCopies(name, in: directory)
        }
        let copier = ObjectCopier(
            from: vault.source(stage.warehouse.source), to: target, vault.copyOptions(tags: tags))
        // The plan has the class of the job's first vault.
        let pass = CopyPass(
            copier, keys, vault.places, uploads: uploads, threads: shipment.threads,
            storageClass: vault.settings.storageClass)
        var copies = CopyTotals()
        var journals: [CopyJournal] = []
        var batches: [BatchOutcome] = []
        // Content before logs: a log never names what is not there.
        for part in BatchCSV.Part.allCases {
            let batch = try DatabaseBatch(self).run(part)
            if let batch { batches.append(batch) }
            let journal = try place(".\(part.rawValue).copies.tsv") { (directory, name) throws(Fault) in
                try CopyJournal(name, in: directory)
            }
            let (date, plan) = (shipment.run.date, plan)
            let totals = try pass.run(
                { () throws(Fault) in try plan.reader() },
                selecting: { row in
                    CopyPass.isTaken(row, by: date) && DestinationKeys.isLog(row.entry.key) == (part == .logs)
                        && !(batch?.holds(row) ?? false)
                }, journal: journal)
            copies += totals
            journals.append(journal)
            if let failure = totals.firstFailure {
                throw Fault(
                    .incomplete,
                    "\(Figures.count(totals.failed.objects, "object", "objects")) could not be copied, the first: \(failure)",
                    hint: "What was copied is kept; run the same command again.")
            }
        }
        let held = try build(copies, journals, uploads, batches, began)
        // Not under the lock: what prune lets go is there for days, and taken back before the manifest is committed.
        try HeldCheck(but: shipment.run.date, keys, vault.places).check { () throws(Fault) in
            try ManifestReader(held.built.source)
        }
        return held
    }

    /// Tags of every copy.
    var tags: [String: String] {
        ["coldchain-job": stage.job.name, "coldchain-run": shipment.run.date.description]
    }

    func place<R>(_ suffix: String, _ body: (Directory, ByteString) throws(Fault) -> R) throws(Fault) -> R {
        let (directory, name) = try shipment.run.place(beside: unit, .ship, vault: vault.name, suffix: suffix)
        return try body(directory, name)
    }

    private func tellDifferences() {
        let (lacking, renamed) = (plan.totals.lacking, plan.totals.renamed)
        if lacking.objects > 0 {
            stage.context.log.notice(
                "\(unit): vault \(vault.name) lacks \(Figures.count(lacking.objects, "object", "objects")) that the plan carries, \(Figures.bytes(lacking.bytes)), and gets \(lacking.objects == 1 ? "it" : "them") from the source"
            )
        }
        if renamed > 0 {
            stage.context.log.debug("\(unit): vault \(vault.name) has \(renamed) objects under names of its own")
        }
    }

    private func build(
        _ copies: CopyTotals, _ journals: [CopyJournal], _ uploads: LargeCopies, _ batches: [BatchOutcome],
        _ began: Double
    ) throws(Fault) -> Held {
        var cost = CostEstimate()
        let file = try stage.context.staging.scratch.unnamedFile()
        let writer = try ManifestWriter(file)
        let manifest = CopiedManifest(run: shipment.run.date, storageClass: vault.settings.storageClass) { row in
            batches.contains { $0.holds(row) }
        }
        let totals = try manifest.write(try plan.reader(), journals, into: writer) { row in
            if let one = stage.costs?.copy(row.entry.size, to: row.storageClass, vault: vault.name) { cost += one }
        }
        let digest = try writer.finish()
        let built = ManifestCommit.Built(source: try FileSource(file), sha256: digest, entries: writer.count)
        return Held(
            vault: vault, built: built, totals: totals, lacking: plan.totals.lacking, copies: copies,
            cost: cost.objects > 0 ? cost : nil, journals: journals, uploads: uploads,
            seconds: Clock.monotonic() - began)
    }
}
