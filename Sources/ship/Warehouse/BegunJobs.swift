import AWS
import Codec
import Ledger
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// The jobs of S3 Batch Operations that other runs have begun, and that may be at work still.
///
/// A job goes on when its ship was killed or has failed, and it would replace what lies where it writes by then: another
/// run must not copy there until it has ended.
struct BegunJobs {
    private let stage: DatabaseStage
    private let vault: BucketVault

    init(_ stage: DatabaseStage, _ vault: BucketVault) {
        self.stage = stage
        self.vault = vault
    }

    /// The runs on staging that may have begun a job whose copies nobody has committed: the run itself, and all that are not
    /// done.
    static func openRuns(_ job: JobDirectory, shipping run: RunDirectory) throws(Fault) -> [RunDirectory] {
        var open: [RunDirectory] = []
        for date in try job.runs() {
            guard date != run.date else {
                open.append(run)
                continue
            }
            guard let other = try job.run(date) else { continue }
            do throws(Fault) { if try other.stageRecord(.ship)?.state == .done { continue } } catch {
                // One that is torn may stand for anything.
                if error.code != .damaged { throw error }
            }
            open.append(other)
        }
        return open
    }

    /// Looks through the runs that are not done.
    ///
    /// - Parameters:
    ///   - unit: the database.
    ///   - run: the run that is to be shipped.
    ///   - open: as ``openRuns(_:shipping:)`` gives them.
    /// - Throws: `tryLater` while a job of another run may write; what keeps the service from telling.
    func check(_ unit: String, before run: RunDirectory, in open: [RunDirectory]) throws(Fault) {
        // Each snapshot has a bucket of its own.
        guard stage.warehouse.mode == .incremental else { return }
        for other in open {
            let (date, isOwn) = (other.date, other.date == run.date)
            guard
                let place = try other.existingPlace(
                    beside: unit, .ship, vault: vault.name, suffix: ".\(BatchCSV.Part.data.rawValue).batch.json"),
                let begun = try BatchCopy.begun(place.name, in: place.directory), try !isCommitted(begun, unit, other)
            else { continue }
            // This run goes on with its job, unless that copies another plan.
            if isOwn, begun.job == nil { continue }
            if isOwn, try isPlanned(begun, unit, run) { continue }
            guard let state = try state(of: begun) else { continue }
            if isOwn {
                throw Fault(
                    .tryLater,
                    "\(unit): run \(date) was packed anew after it had begun \(state), which may still write into vault \(vault.name)",
                    hint: "Run the same command again once the job has ended.")
            }
            throw Fault(
                .tryLater,
                "\(unit): run \(date) has begun \(state), which may still write into vault \(vault.name) where run \(run.date) would",
                hint:
                    "Run 'ship \(stage.job.name) --run \(date)' first: it waits for the job, and commits what that has copied."
            )
        }
    }

    /// Whether the job copies what pack has planned.
    private func isPlanned(_ begun: BatchCopy.Begun, _ unit: String, _ run: RunDirectory) throws(Fault) -> Bool {
        try run.unitRecord(.pack, unit)?.outputs.contains { $0.sha256.description == begun.list } ?? false
    }

    /// Whether the vault has the manifest of what the job has copied.
    private func isCommitted(_ begun: BatchCopy.Begun, _ unit: String, _ run: RunDirectory) throws(Fault) -> Bool {
        guard try isPlanned(begun, unit, run), let packed = try run.unitRecord(.pack, unit),
            let shipped = try run.unitRecord(.ship, unit, vault: vault.name), vault.vault.isTold(by: shipped)
        else { return false }
        let manifest = try DatabaseStage.plannedManifest(packed)
        return shipped.inputs[manifest.path] == manifest.sha256.description
    }

    /// How the job stands, in words; nothing for one that has ended.
    private func state(of begun: BatchCopy.Begun) throws(Fault) -> String? {
        guard let id = begun.job else { return "a job of S3 Batch Operations whose answer was lost" }
        guard let batch = stage.warehouse.batch else { return "job \(id) of S3 Batch Operations" }
        let status: BatchJobStatus
        do throws(Fault) {
            status = try vault.store.client.control(account: batch.account, endpoint: batch.endpoint).describe(id)
        } catch {
            // The service forgets jobs some months after their end.
            if error.code == .notFound { return nil }
            throw error
        }
        return status.isOver ? nil : "job \(id) of S3 Batch Operations, which is \(status.state)"
    }
}
