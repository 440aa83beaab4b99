import Codec
import Ledger
import Platform
import Synchronization

/// A row that is ready to be written, and what the list's writer has to know besides.
struct CollectedRow: Sendable {
    var row: EntryList.Row
    var warning: String?
    /// How many further names of this file may refer to the row for their content.
    var furtherNames: UInt32 = 0
}

/// What the threads of one collection share.
final class CollectionState: Sendable {
    /// Whether blocks can be shared between the tree and staging, as far as is known.
    let canClone = Atomic(true)
    /// Whether the collection is being abandoned.
    private let isAbandoned = Atomic(false)

    func abandon() { isAbandoned.store(true, ordering: .relaxed) }

    /// - Throws: `interrupted` when there is no point in going on.
    func check() throws(Fault) {
        try Shutdown.check()
        // Whoever abandoned it has said why.
        if isAbandoned.load(ordering: .relaxed) { throw Fault(.interrupted, "stopped") }
    }
}

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

    private let tree: any SourceTree
    private let clock: Clock
    private let state: CollectionState
    private let progress: CollectionProgress
    private let buffer = Buffer(capacity: 1 << 20)
    private var cursor: StagingCursor

    private static let zeros: Buffer = {
        let zeros = Buffer(capacity: 1 << 20)
        zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        zeros.count = zeros.capacity
        return zeros
    }()

    init(
        _ tree: any SourceTree, to destination: Directory, _ clock: Clock, _ state: CollectionState,
        _ progress: CollectionProgress
    ) {
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
    private struct Content {
        var size: Int64
        var sha256: Digest256
        var sparse: [Range<Int64>]?
    }

    /// Collects one file.
    ///
    /// - Parameters:
    ///   - entry: the file as the walk found it.
    ///   - row: all of the row but what the capture tells.
    /// - Returns: the whole row, which is a skip where the file could not be had.
    /// - Throws: what staging says, and `interrupted`; a fault of the source only if it concerns more than this file.
    func collect(_ entry: TreeEntry, _ row: EntryList.Row) throws(Fault) -> CollectedRow {
        let (directory, name) = try cursor.place(entry.entry.key)
        var staged: File?
        let collected: CollectedRow
        do {
            collected = try collect(entry, row) { () throws(Fault) -> File in
                if let file = staged {
                    try file.truncate(to: 0)
                    try file.seek(to: 0)
                    return file
                }
                let file = try directory.createNewFile(name)
                staged = file
                return file
            }
        } catch {
            if staged != nil { try? directory.removeIfPresent(name) }
            throw error
        }
        if let staged {
            try staged.close()
            if collected.row.action != .take || collected.row.entry.kind != .file { try directory.remove(name) }
        }
        return collected
    }

    private func collect(_ found: TreeEntry, _ row: EntryList.Row, _ stage: () throws(Fault) -> File) throws(Fault)
        -> CollectedRow
    {
        var entry = found
        var number = 1
        while true {
            try state.check()
            let isLast = number == FileCapture.attempts
            number += 1
            switch try attempt(entry, stage) {
            case .kept(let content, let status, let flags):
                var collected = CollectedRow(row: FileCapture.row(row, content, status, flags))
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
                guard !isLast else {
                    return try skipped(row, Fault(.changed, "\(path(found)): was replaced again and again"))
                }
                do { entry = try tree.refresh(entry) } catch { return try skipped(row, error) }
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

    private func attempt(_ entry: TreeEntry, _ stage: () throws(Fault) -> File) throws(Fault) -> Attempt {
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

        let file = try stage()
        let content: Content
        let after: SourceStatus
        switch try copy(source, before, to: file) {
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

    // MARK: Copying

    /// Copies what the file had when it was opened, and not a byte more.
    private func copy(_ source: any SourceFile, _ status: SourceStatus, to file: File) throws(Fault)
        -> Result<Content, Fault>
    {
        if status.size > 0, let local = source.localFile, state.canClone.load(ordering: .relaxed) {
            if file.clone(from: local) { return try cloned(file, status) }
            state.canClone.store(false, ordering: .relaxed)
        }
        var ranges: [Range<Int64>]?
        if let allocated = status.allocated, allocated < status.size {
            do { ranges = FileCapture.sparse(try source.dataRanges(size: status.size), status.size) } catch {
                return .failure(error)
            }
        }
        return try transfer(source, ranges, status.size, to: file)
    }

    /// Nothing for a file that is, or is best treated as, dense.
    private static func sparse(_ ranges: [Range<Int64>], _ size: Int64) -> [Range<Int64>]? {
        ranges.count > sparseRanges || ranges == [0..<size] ? nil : ranges
    }

    private func transfer(_ source: any SourceFile, _ ranges: [Range<Int64>]?, _ size: Int64, to file: File)
        throws(Fault) -> Result<Content, Fault>
    {
        var hasher = SHA256Hasher()
        var position: Int64 = 0
        for range in ranges ?? (size > 0 ? [0..<size] : []) {
            if range.lowerBound > position {
                try hashZeros(range.lowerBound - position, &hasher)
                try file.seek(to: range.lowerBound)
                position = range.lowerBound
            }
            while position < range.upperBound {
                try state.check()
                let wanted = Int(min(Int64(buffer.capacity), range.upperBound - position))
                let count: Int
                do {
                    count = try source.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted]), at: position)
                } catch {
                    return .failure(error)
                }
                if count == 0 { return .success(try cut(file, ranges, hasher.finish(), at: position)) }
                let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
                hasher.update(bytes)
                try file.write(bytes)
                progress.bytes.add(Int64(count))
                position += Int64(count)
            }
        }
        if position < size {
            try hashZeros(size - position, &hasher)
            try file.truncate(to: size)
        }
        return .success(Content(size: size, sha256: hasher.finish(), sparse: ranges))
    }

    /// The content of a file that ended early.
    private func cut(_ file: File, _ ranges: [Range<Int64>]?, _ sha256: Digest256, at size: Int64) throws(Fault)
        -> Content
    {
        try file.truncate(to: size)
        let kept = ranges.map { $0.filter { $0.lowerBound < size }.map { $0.lowerBound..<min($0.upperBound, size) } }
        return Content(size: size, sha256: sha256, sparse: kept.flatMap { FileCapture.sparse($0, size) })
    }

    /// The digest is that of the clone: the bytes that are there, whatever happens to the source meanwhile.
    private func cloned(_ file: File, _ status: SourceStatus) throws(Fault) -> Result<Content, Fault> {
        var actual = try file.status()
        // It may have grown since the open; what is behind belongs to a later moment.
        if actual.size > status.size {
            try file.truncate(to: status.size)
            actual.size = status.size
        }
        var ranges: [Range<Int64>]?
        if actual.allocated < actual.size {
            ranges = FileCapture.sparse(try file.dataRanges(size: actual.size), actual.size)
        }
        var hasher = SHA256Hasher()
        var position: Int64 = 0
        for range in ranges ?? (actual.size > 0 ? [0..<actual.size] : []) {
            try hashZeros(range.lowerBound - position, &hasher)
            position = range.lowerBound
            while position < range.upperBound {
                try state.check()
                let wanted = Int(min(Int64(buffer.capacity), range.upperBound - position))
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted])
                guard try file.read(into: piece, at: position) == wanted else {
                    throw Fault(.damaged, "\(file.path): ends at \(position), expected \(actual.size) bytes")
                }
                hasher.update(UnsafeRawBufferPointer(piece))
                progress.bytes.add(Int64(wanted))
                position += Int64(wanted)
            }
        }
        try hashZeros(actual.size - position, &hasher)
        return .success(Content(size: actual.size, sha256: hasher.finish(), sparse: ranges))
    }

    private func hashZeros(_ count: Int64, _ hasher: inout SHA256Hasher) throws(Fault) {
        var rest = count
        while rest > 0 {
            try state.check()
            let piece = Int(min(Int64(FileCapture.zeros.capacity), rest))
            hasher.update(UnsafeRawBufferPointer(rebasing: FileCapture.zeros.contents[..<piece]))
            rest -= Int64(piece)
        }
    }
}
