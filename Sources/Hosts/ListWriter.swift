import Codec
import Ledger
import Platform

/// An entry on its way to the list.
enum CollectedItem: Sendable {
    case planned(CollectionItem)
    case file(CollectedRow)
}

/// Writes the entry list in the order of the keys, and settles what only that order can.
///
/// That is what a further name of a file refers to. It belongs to one thread.
struct ListWriter {
    /// Content is brought to stable storage whenever so much was staged: one sync at the end would stall for minutes.
    private static let syncInterval: Int64 = 1 << 30

    /// What the further names of a file take over from the row that holds the content.
    private struct Content {
        let key: ByteString
        let size: Int64
        let modified: Timestamp
        let sha256: Digest256?
        let flags: EntryFlag
        /// Names not seen yet.
        var missing: UInt32
    }

    /// By the first name that the plan knows; all but a few files have none.
    private var contents: [ByteString: Content] = [:]
    private var outcome = CollectionOutcome()
    private var unsynced: Int64 = 0
    private let list: File
    private let writer: EntryListWriter
    private let destination: Directory
    private let capture: FileCapture
    private let progress: CollectionProgress

    private let journal: CollectionJournal?
    private var checksums: SourceChecksums.Check?
    /// Whether an attempt before has staged something.
    private let hasLeftovers: Bool
    /// The staged files by hash, to tell what of that is not in the list.
    private var staged: Set<Int> = []

    init(
        _ list: File, _ destination: Directory, _ capture: FileCapture, _ progress: CollectionProgress,
        _ journal: CollectionJournal?, hasLeftovers: Bool, _ checksums: SourceChecksums?
    ) throws(Fault) {
        self.journal = journal
        self.hasLeftovers = hasLeftovers
        self.checksums = checksums.map { SourceChecksums.Check($0) }
        self.list = list
        self.destination = destination
        self.capture = capture
        self.progress = progress
        // Read once or twice, by pack and by ship, and then gone: small enough at a cheap level.
        writer = try EntryListWriter(list, level: 2)
    }

    mutating func write(_ item: CollectedItem) throws(Fault) {
        switch item {
        case .file(let collected): try write(collected, first: collected.row.entry.key)
        case .planned(.row(let row, let warning)): try write(CollectedRow(row: row, warning: warning), first: nil)
        case .planned(.file(let entry, let row, _)): try write(try capture.collect(entry, row), first: row.entry.key)
        case .planned(.link(let entry, let row, let first)):
            guard var content = contents[first] else {
                // The first name could not be collected after all, or was another file by then.
                return try write(try capture.collect(entry.asFile, row.asFile), first: first)
            }
            content.missing -= 1
            contents[first] = content.missing == 0 ? nil : content
            var further = row
            further.manifest.entry.link = content.key
            further.manifest.entry.size = content.size
            further.manifest.entry.modified = content.modified
            further.manifest.sha256 = content.sha256
            further.manifest.flags = content.flags
            try write(CollectedRow(row: further), first: nil)
        }
    }

    private mutating func write(_ collected: CollectedRow, first: ByteString?) throws(Fault) {
        if let first, collected.furtherNames > 0 {
            let row = collected.row
            contents[first] = Content(
                key: row.entry.key, size: row.entry.size, modified: row.entry.modified, sha256: row.manifest.sha256,
                flags: row.manifest.flags, missing: collected.furtherNames)
        }
        var collected = collected
        if let warning = checksums?.check(&collected.row) { outcome.warn(warning) }
        try writer.write(collected.row)
        outcome.count(collected.row)
        if let warning = collected.warning { outcome.warn(warning) }
        if collected.isReused { outcome.add(to: "reused") }
        if collected.wasReplaced { outcome.add(to: "replaced") }
        progress.entries.add(1)
        guard collected.row.action == .take, collected.row.entry.kind == .file else { return }
        if let journal {
            try journal.note(collected.row)
            if hasLeftovers { staged.insert(StagedPath.components(of: collected.row.entry.key).hashValue) }
        }
        unsynced += collected.row.entry.size
        if unsynced >= ListWriter.syncInterval {
            try destination.syncFileSystem()
            unsynced = 0
        }
    }

    mutating func finish() throws(Fault) -> CollectionOutcome {
        if let missing = checksums?.missing() { outcome.warn(missing) }
        if hasLeftovers { try removeStrays() }
        try destination.syncFileSystem()
        outcome.list = try writer.finish()
        try list.sync()
        return outcome
    }

    /// Removes what an attempt before has staged and what is in the list no more.
    private func removeStrays() throws(Fault) {
        var strays: [(Directory, ByteString)] = []
        var walk = try DirectoryWalk(destination)
        while let step = try walk.next() {
            guard case .success(let status) = step.status, status.kind != .directory else { continue }
            if !staged.contains(step.path.components.hashValue) { strays.append((step.parent, step.name)) }
        }
        for (parent, name) in strays { try parent.removeIfPresent(name) }
    }
}
