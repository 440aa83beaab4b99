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
    /// That may have begun jobs.
    let openRuns: [RunDirectory]
    /// As pack has planned it.
    let manifest: FileSource

    /// Opens the planned manifest, and makes sure that it is the one that was recorded.
    init(
        _ stage: DatabaseStage, _ packed: UnitRecord, _ run: RunDirectory, attempt: String, threads: Int,
        _ snapshots: [String: SnapshotCopy], openRuns: [RunDirectory]
    ) throws(Fault) {
        self.stage = stage
        self.packed = packed
        self.run = run
        self.attempt = attempt
        self.threads = threads
        self.snapshots = snapshots
        self.openRuns = openRuns
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

    /// Ships to every vault; one that fails keeps no other from having its manifest, but the ledger waits for it.
    func ship() throws -> StageAttempt.Outcome {
        let startedAt = stage.context.clock.now().rfc3339
        var held: [DatabaseCopy.Held] = []
        var failed: [AwayVault] = []
        for vault in stage.vaults {
            do throws(Fault) { held.append(try DatabaseCopy(self, to: vault).run()) } catch {
                if error.code == .interrupted { throw error }
                let isOnly = stage.vaults.count == 1
                failed.append(
                    AwayVault(name: vault.name, fault: isOnly ? error : error.within("vault \(vault.name)")))
            }
        }
        var records: [UnitRecord] = []
        if !held.isEmpty {
            records = try underLock { () throws(Fault) in
                try commit(held, without: stage.away + failed, startedAt)
            }
        }
        if let fault = AwayVault.joined(failed) {
            // The next attempt goes on by the journals, with all vaults.
            for one in held {
                stage.context.log.notice(
                    "\(packed.unit): vault \(one.vault.name) holds run \(run.date), the ledger waits for the others")
            }
            throw fault
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

    // MARK: Under the lock of the ledger

    private func underLock<R>(_ body: () throws(Fault) -> R) throws(Fault) -> R {
        do {
            return try stage.commits.with { _ in
                let lock = try stage.context.directory.lockLedger(breaking: stage.context.request.breakLock)
                defer { withExtendedLifetime(lock) {} }
                return try body()
            }
        } catch { throw .wrapping(error) }
    }

    /// Takes an object back that is on its way out; nothing is locked for one that is not.
    func takeBack(_ key: ObjectKey, in vault: BucketVault, why: String) throws(Fault) {
        guard try vault.store.retirement(key) != nil else { return }
        try underLock { () throws(Fault) in
            var rescue = try Rescue(vault.vault, of: stage.context.directory)
            _ = try rescue.takeBack(key, why: why)
        }
    }

    private func commit(_ held: [DatabaseCopy.Held], without others: [AwayVault], _ startedAt: String) throws(Fault)
        -> [UnitRecord]
    {
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
        if others.isEmpty, let first = held.first?.built, let number = outputs.first?.number {
            try commit.commitToLedger(first, number: number)
        }
        var records: [UnitRecord] = []
        for (one, output) in zip(held, outputs) {
            let record = try self.record(one, output, without: others, startedAt)
            try run.write(record, vault: one.vault.name)
            records.append(record)
            tell(one, record)
        }
        return records
    }
}
