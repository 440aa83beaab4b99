import AWS
import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// `ship sweep JOB`: aborts our own uploads that nobody will end.
struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Abort our own uploads that were never ended.",
        discussion: """
            Lists the uploads in parts below the prefix of each bucket of the job, whose parts are billed though no \
            listing of objects shows them, and aborts those of this job that nobody will go on with.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job.") var job: String
    @Option(name: .long, help: ArgumentHelp("Only this vault of the job.", valueName: "name")) var vault: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Abort uploads that nobody has gone on with only when they are older. Default: 7 days.",
            valueName: "duration"))
    var olderThan = "7 days"
    @Flag(name: [.customShort("d"), .long], help: "Print what would be aborted, and abort nothing.") var dryRun = false

    /// Between the beginning of an upload and its journal there is a moment, and clocks differ.
    private static let leastAge: Int64 = 3_600

    func validate() throws {
        guard let age = Period(olderThan) else {
            throw ValidationError("--older-than '\(olderThan)': expected a period such as '7 days'")
        }
        if age.seconds < Self.leastAge {
            throw ValidationError("--older-than '\(olderThan)': expected one hour at the least")
        }
    }

    struct Line: Codable {
        enum Action: String, Codable {
            case aborted
            case wouldBeAborted = "would-be-aborted"
            case kept, failed
        }
        var vault: String
        var key: String
        var upload: String
        var initiated: String?
        var initiator: String?
        var action: Action
        var why: String
    }

    func run() throws {
        try Door.run {
            let (configuration, settings) = try common.settings(of: job)
            let log = common.logger()
            let directory = try StagingArea.open(configuration).job(settings.name)
            var lines: [Line] = []
            var faults: [Fault] = []
            for vault in try VaultOptions.vaults(of: settings, named: vault) {
                guard case .bucket(let bucket) = vault.kind else { continue }
                // One bucket's fault keeps none of the others from being swept.
                do throws(Fault) {
                    lines += try sweep(OpenVault.bucketStore(bucket, log: log), vault.name, directory, settings, log)
                } catch {
                    if error.code == .interrupted { throw error }
                    faults.append(error.within("vault \(vault.name)"))
                }
            }
            try common.output.result(lines) { lines.isEmpty && !faults.isEmpty ? "" : Self.text(lines) }
            for fault in faults.dropFirst() { log.error("\(fault)") }
            if let fault = faults.first { throw fault }
            return lines.contains { $0.action == .failed } ? ExitStatus.partial : ExitStatus.done
        }
    }

    private func sweep(
        _ store: S3Store, _ vault: String, _ directory: JobDirectory, _ job: JobSettings, _ log: Logger
    ) throws(Fault) -> [Line] {
        // Before the journals are read: one that is begun meanwhile is not looked at.
        let uploads = try store.openUploads()
        let journals = try UploadJournals(of: directory, vault: vault)
        var lines = try sweep(store, uploads, vault, journals, job, log)
        guard let warehouse = job.warehouse, warehouse.mode == .full else { return lines }
        // Each run has a bucket of its own, in which nothing but what journals name is ours to abort.
        for run in journals.runs.sorted() {
            let bucket = try SnapshotName.bucket(
                template: warehouse.snapshot, source: warehouse.source.bucket, run: run)
            let place = S3Store(store.client.sibling(bucket: bucket), prefix: "", store.options)
            let known: [OpenUpload]
            do throws(Fault) { known = try place.openUploads().filter { journals.known[$0.id] != nil } } catch {
                if error.code == .notFound { continue }
                throw error
            }
            lines += try sweep(place, known, vault, journals, job, log)
        }
        return lines
    }

    private func sweep(
        _ store: S3Store, _ uploads: [OpenUpload], _ vault: String, _ journals: UploadJournals, _ job: JobSettings,
        _ log: Logger
    ) throws(Fault) -> [Line] {
        let sweep = UploadSweep(
            VaultLayout(job: job.name), copiesObjects: job.warehouse != nil,
            olderThan: Period(olderThan)?.seconds ?? 0, now: Clock.system.now())
        let needsOwner = uploads.contains { sweep.needsOwner($0, journals.known[$0.id]?.state ?? .none) }
        let owner = needsOwner ? try store.ownInitiator() : nil
        var lines: [Line] = []
        for upload in uploads {
            try Shutdown.check()
            let known = journals.known[upload.id]
            var line = Line(
                vault: vault, key: upload.key.description, upload: upload.id, initiated: upload.initiated?.rfc3339,
                initiator: upload.initiator, action: .kept, why: "")
            switch sweep.verdict(upload, known?.state ?? .none, owner: owner) {
            case .kept(let why): line.why = why
            case .stale(let why):
                line.why = why
                if dryRun {
                    line.action = .wouldBeAborted
                } else {
                    do throws(Fault) {
                        line.action = try abort(upload, known, store) ? .aborted : .kept
                        if line.action == .kept { line.why = "its journal has changed meanwhile" }
                    } catch {
                        if error.code == .interrupted { throw error }
                        // Its run is being shipped again: then it is not stale any more.
                        (line.action, line.why) = (error.code == .tryLater ? .kept : .failed, error.description)
                        if line.action == .failed { log.error("\(error)") }
                    }
                }
            }
            lines.append(line)
        }
        return lines
    }

    /// Aborts an upload; one that has a journal under the lock of its run, so that no attempt begins to rely on it.
    ///
    /// - Returns: false when the journal names another one by now.
    private func abort(_ upload: OpenUpload, _ known: UploadJournals.Known?, _ store: S3Store) throws(Fault) -> Bool {
        guard let known else {
            try store.abort(upload)
            return true
        }
        let lock = try StageAttempt.lock(.ship, of: known.run)
        defer { withExtendedLifetime(lock) {} }
        guard try known.names(upload.id) else { return false }
        try store.abort(upload)
        try known.forget()
        return true
    }

    private static func text(_ lines: [Line]) -> String {
        if lines.isEmpty { return "no upload is open" }
        var table = TextTable(["VAULT", "OBJECT", "BEGUN", "", "WHY"])
        for line in lines {
            table.add([
                line.vault, line.key, line.initiated.flatMap { Timestamp(rfc3339: $0) }?.local ?? "",
                line.action.rawValue.replacing("-", with: " "), line.why,
            ])
        }
        return table.text
    }
}
