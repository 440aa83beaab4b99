import Ledger
import Platform
import Staging
import Vault

/// The parts journals of a job on staging, by the ids of their uploads.
struct UploadJournals {
    struct Known {
        var state: UploadSweep.Journal
        var run: RunDirectory
        var journal: FilePartsJournal
    }

    private static let suffix = ".upload.jsonl"
    private(set) var known: [String: Known] = [:]

    /// Reads all journals of a vault.
    ///
    /// - Throws: the fault of staging; a directory that can't be read must not look like one without journals.
    init(of job: JobDirectory, vault: String) throws(Fault) {
        for date in try job.runs() {
            guard let run = try job.run(date) else { continue }
            let top: Directory
            do {
                top = try run.directory.descend(["records", ByteString(Stage.ship.rawValue), ByteString(vault)])
            } catch {
                if error.code == .notFound { continue }
                throw error
            }
            let isRunning = try StageAttempt.isRunning(.ship, run)
            var walk = try DirectoryWalk(top)
            while let step = try walk.next() {
                try Shutdown.check()
                guard try step.status.get().kind == .file, step.name.bytes.first != UInt8(ascii: "."),
                    step.name.bytes.suffix(Self.suffix.utf8.count).elementsEqual(Self.suffix.utf8)
                else { continue }
                let journal = FilePartsJournal(step.name, in: step.parent)
                guard let record = try journal.load() else { continue }
                let unit = String(step.path.description.dropLast(Self.suffix.utf8.count))
                let state: UploadSweep.Journal =
                    isRunning
                    ? .alive
                    : try Self.isShipped(record.upload, unit, run, vault) ? .superseded : .waiting
                known[record.upload.id] = Known(state: state, run: run, journal: journal)
            }
        }
    }

    /// Whether the archive of an upload is in the vault by its record.
    private static func isShipped(
        _ upload: PartsRecord.Upload, _ unit: String, _ run: RunDirectory, _ vault: String
    ) throws(Fault) -> Bool {
        guard let record = try run.unitRecord(.ship, unit, vault: vault) else { return false }
        return record.outputs.first?.sha256 == upload.sha256
    }
}
