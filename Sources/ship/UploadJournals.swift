import Ledger
import Platform
import Staging
import Vault
import Warehouse

/// The journals of a job's uploads on staging, by the ids of the uploads: of the parts of an archive, and of a database's
/// copies in parts.
struct UploadJournals {
    struct Known {
        var state: UploadSweep.Journal
        var run: RunDirectory
        fileprivate var place: (directory: Directory, name: ByteString)
        /// One file is the journal of all copies of a database.
        fileprivate var isOfCopies: Bool
    }

    private static let suffixes = (parts: ".upload.jsonl", copies: ".uploads.jsonl")
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
                guard try step.status.get().kind == .file, step.name.bytes.first != UInt8(ascii: ".") else { continue }
                let path = step.path.description
                let isOfCopies = path.hasSuffix(Self.suffixes.copies)
                guard isOfCopies || path.hasSuffix(Self.suffixes.parts) else { continue }
                let unit = String(
                    path.dropLast((isOfCopies ? Self.suffixes.copies : Self.suffixes.parts).utf8.count))
                var one = Known(
                    state: .alive, run: run, place: (step.parent, step.name), isOfCopies: isOfCopies)
                if isOfCopies {
                    // The record comes last, and the journal goes after it.
                    let isShipped = try run.unitRecord(.ship, unit, vault: vault) != nil
                    if !isRunning { one.state = isShipped ? .superseded : .waiting }
                    for id in try LargeCopies(step.name, in: step.parent).uploads { known[id] = one }
                } else if let upload = try FilePartsJournal(step.name, in: step.parent).load()?.upload {
                    if !isRunning {
                        one.state = try Self.isShipped(upload, unit, run, vault) ? .superseded : .waiting
                    }
                    known[upload.id] = one
                }
            }
        }
    }

    /// The runs that have journals.
    var runs: Set<CivilDate> { Set(known.values.map(\.run.date)) }

    /// Whether the archive of an upload is in the vault by its record.
    private static func isShipped(
        _ upload: PartsRecord.Upload, _ unit: String, _ run: RunDirectory, _ vault: String
    ) throws(Fault) -> Bool {
        guard let record = try run.unitRecord(.ship, unit, vault: vault) else { return false }
        return record.outputs.first?.sha256 == upload.sha256
    }
}

extension UploadJournals.Known {
    /// Whether the journal still names an upload.
    func names(_ upload: String) throws(Fault) -> Bool {
        if isOfCopies { return try LargeCopies(place.name, in: place.directory).uploads.contains(upload) }
        return try FilePartsJournal(place.name, in: place.directory).load()?.upload.id == upload
    }

    /// Forgets an upload that has been aborted; the journal of copies has others, and nobody goes on with one that the store
    /// does not know.
    func forget() throws(Fault) {
        if !isOfCopies { try FilePartsJournal(place.name, in: place.directory).end() }
    }
}
