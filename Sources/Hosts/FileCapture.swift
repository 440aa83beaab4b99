import Codec
import Ledger
import Platform

/// Copies the content of files from a tree to staging, each as it was at one moment, as well as that can be had.
///
/// It belongs to one thread. Faults of the source become skipped rows; faults of staging are thrown.
final class FileCapture {
    /// How often a file that changes under the copy is tried.
    static let attempts = 4
    /// More ranges than this make a row unwieldy; such a file is copied as if it had no holes.
    static let sparseRanges = 512
    /// A modification this close before the capture, in seconds, may be followed by another with the same mtime.
    static let racyInterval = 2.0

    let tree: any SourceTree
    private let clock: Clock
    let state: CollectionState
    let progress: CollectionProgress
    let journal: CollectionJournal?
    let buffer = Buffer(capacity: 256 << 10)
    private var cursor: StagingCursor

    static let zeros: Buffer = {
        let zeros = Buffer(capacity: 1 << 20)
        zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        zeros.count = zeros.capacity
        return zeros
    }()

    init(
        _ tree: any SourceTree, to destination: Directory, _ clock: Clock, _ state: CollectionState,
        _ progress: CollectionProgress, _ journal: CollectionJournal?
    ) {
        self.journal = journal
        self.tree = tree
        self.clock = clock
        self.state = state
        self.progress = progress
        cursor = StagingCursor(destination)
    }

    /// How one attempt ended.
    private enum Attempt {
        /// One moment's content, or its beginning.
        case kept(Content, SourceStatus, EntryFlag)
        /// It changed meanwhile; this is what was read.
        case unsettled(Content, SourceStatus)
        /// The name has become that of something else.
        case replaced
        case failed(Fault)
    }

    /// What was staged.
    struct Content {
        var size: Int64
        var sha256: Digest256
        var sparse: [Range<Int64>]?
    }

    /// Collects one file.
    ///
    /// - Parameters:
    ///   - entry: the file as the walk found it.
    ///   - row: all of the row but what the capture tells.
    ///   - earlier: the row of an attempt before that has staged the same content.
    /// - Returns: the whole row, which is a skip where the file could not be had.
    /// - Throws: what staging says, and `interrupted`; a fault of the source only if it concerns more than this file.
    ///   What was staged stays then, for the next attempt to prove.
    func collect(_ entry: TreeEntry, _ row: EntryList.Row, staged earlier: EntryList.Row? = nil) throws(Fault)
        -> CollectedRow
    {
        let (directory, name) = try cursor.place(entry.entry.key)
        if let earlier, try isStaged(earlier, directory, name) {
            var reused = CollectedRow(row: row, isReused: true)
            reused.row.manifest.sha256 = earlier.manifest.sha256
            reused.row.manifest.flags = earlier.manifest.flags
            reused.row.sparse = earlier.sparse
            reused.furtherNames = entry.links - 1
            return reused
        }
        var staged: File?
        let collected: CollectedRow
        collected = try collect(entry, row) { (status) throws(Fault) -> (File, Start) in
            if let file = staged {
                try file.truncate(to: 0)
                try file.seek(to: 0)
                return (file, Start())
            }
            let file: File
            var start = Start()
            do throws(Fault) { file = try directory.createNewFile(name) } catch {
                guard error.code == .exists, journal != nil else { throw error }
                file = try directory.reopenFile(name)
                start = try proved(file, entry.entry.key, status)
                try file.truncate(to: start.count)
                try file.seek(to: start.count)
            }
            staged = file
            return (file, start)
        }
        if let staged {
            try staged.close()
            if collected.row.action != .take || collected.row.entry.kind != .file { try directory.remove(name) }
        }
        return collected
    }

    /// Gives the file that takes the content, which may hold the beginning of it.
    private typealias Stage = (SourceStatus) throws(Fault) -> (File, Start)

    private func collect(_ found: TreeEntry, _ row: EntryList.Row, _ stage: Stage) throws(Fault) -> CollectedRow {
        var entry = found
        var wasReplaced = false
        var number = 1
        while true {
            try state.check()
            let isLast = number == FileCapture.attempts
            number += 1
            switch try attempt(entry, stage) {
            case .kept(let content, let status, let flags):
                var collected = CollectedRow(row: FileCapture.row(row, content, status, flags))
                // A smaller file of the same name is another one.
                collected.wasReplaced = wasReplaced || status.size < found.entry.size
                collected.furtherNames = entry.identity == found.identity ? found.links - 1 : 0
                return collected
            case .unsettled(let content, let status):
                guard isLast else { continue }
                var collected = CollectedRow(row: FileCapture.row(row, content, status, .dirty))
                collected.warning =
                    "\(path(found)): changed while it was read, \(FileCapture.attempts) times; what was kept is no "
                    + "moment's content"
                collected.furtherNames = entry.identity == found.identity ? found.links - 1 : 0
                return collected
            case .failed(let fault):
                if fault.retry == .temporary && !isLast { continue }
                return try skipped(row, fault)
            case .replaced:
                wasReplaced = true
                guard !isLast else {
                    return try skipped(row, Fault(.changed, "\(path(found)): was replaced again and again"))
                }
                do { entry = try tree.look(at: entry.entry.key) } catch { return try skipped(row, error) }
                try entry.check(in: tree.name)
                if entry.entry.kind == .symlink {
                    var link = row
                    link.manifest.entry = entry.entry
                    return CollectedRow(row: link)
                }
                guard entry.entry.kind == .file else {
                    if let reason = entry.entry.kind.skipReason {
                        return CollectedRow(row: .skipped(entry.entry, reason, tenant: row.manifest.tenant))
                    }
                    return try skipped(row, Fault(.changed, "\(path(found)): was replaced by a directory"))
                }
            }
        }
    }

    private func path(_ entry: TreeEntry) -> String { "\(tree.name)/\(entry.entry.key)" }

    /// A fault names its path.
    private func skipped(_ row: EntryList.Row, _ fault: Fault) throws(Fault) -> CollectedRow {
        guard let reason = fault.skipReason else { throw fault }
        return CollectedRow(
            row: .skipped(row.entry, reason, tenant: row.manifest.tenant),
            warning: reason == "vanished" ? nil : "\(fault)")
    }

    private static func row(_ row: EntryList.Row, _ content: Content, _ status: SourceStatus, _ flags: EntryFlag)
        -> EntryList.Row
    {
        var full = row
        full.manifest.entry.size = content.size
        full.manifest.entry.modified = status.modified
        full.manifest.entry.mode = status.mode
        full.manifest.entry.uid = status.uid
        full.manifest.entry.gid = status.gid
        full.manifest.sha256 = content.sha256
        full.manifest.flags = flags
        full.sparse = content.sparse
        return full
    }

    private func attempt(_ entry: TreeEntry, _ stage: Stage) throws(Fault) -> Attempt {
        // Taken first: what is modified from here on must count as close to the capture.
        let now = clock.now()
        let source: any SourceFile
        let before: SourceStatus
        do {
            source = try tree.open(entry)
            before = try source.status()
        } catch {
            return error.code == .changed ? .replaced : .failed(error)
        }
        defer { source.close() }
        guard before.kind == .file, entry.identity == nil || before.identity == entry.identity else { return .replaced }
        guard before.size >= 0, before.modified.nanoseconds < 1_000_000_000 else {
            return .failed(Fault(.damaged, "\(path(entry)): has an impossible size or time"))
        }

        let (file, start) = try stage(before)
        let content: Content
        let after: SourceStatus
        switch try copy(source, before, to: file, start, entry.entry.key) {
        case .failure(let fault): return .failed(fault)
        case .success(let copied): content = copied
        }
        do { after = try source.status() } catch { return .failed(error) }

        let racy: EntryFlag = now.since(before.modified) < FileCapture.racyInterval ? .racy : []
        if content.size < before.size || after.size < before.size { return .unsettled(content, before) }
        // Logs are appended to: what was there at the open is a moment's content.
        if after.size > before.size { return .kept(content, before, [.grew, racy]) }
        if after.modified != before.modified { return .unsettled(content, before) }
        return .kept(content, before, racy)
    }
}
