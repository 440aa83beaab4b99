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
    /// Whether an attempt before had staged the content.
    var isReused = false
    /// Whether the name was that of another file when it was opened: logs were rotated since the walk.
    var wasReplaced = false
}

/// What the threads of one collection share.
final class CollectionState: Sendable {
    /// Whether blocks can be shared between the tree and staging, as far as is known.
    let canClone = Atomic(true)
    /// Whether the collection is being abandoned.
    private let isAbandoned = Atomic(false)
    private let end: Timestamp?
    private let clock: Clock

    init(until end: Timestamp? = nil, _ clock: Clock = .system) {
        self.end = end
        self.clock = clock
    }

    func abandon() { isAbandoned.store(true, ordering: .relaxed) }

    /// - Throws: `interrupted` when there is no point in going on.
    func check() throws(Fault) {
        try Shutdown.check()
        // Whoever abandoned it has said why.
        if isAbandoned.load(ordering: .relaxed) { throw Fault(.interrupted, "stopped") }
        if let end, clock.now() >= end {
            throw Fault(
                .tryLater, "the time for it ended at \(end.local)",
                hint: "The next run of the same command goes on where this one stopped.")
        }
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
    private let journal: CollectionJournal?
    private let buffer = Buffer(capacity: 256 << 10)
    private var cursor: StagingCursor

    private static let zeros: Buffer = {
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

    /// What of a file is staged already: its first bytes, and the digest of them under way.
    private struct Start {
        var count: Int64 = 0
        var hasher = SHA256Hasher()
    }

    /// Gives the file that takes the content, which may hold the beginning of it.
    private typealias Stage = (SourceStatus) throws(Fault) -> (File, Start)

    /// Whether the content of an attempt before is still what its row says, every byte of it.
    private func isStaged(_ earlier: EntryList.Row, _ directory: Directory, _ name: ByteString) throws(Fault) -> Bool {
        let file: File
        do { file = try directory.openFile(name) } catch {
            if error.code == .notFound { return false }
            throw error
        }
        guard try file.status().size == earlier.entry.size else { return false }
        return try digest(of: file, count: earlier.entry.size)?.finish() == earlier.manifest.sha256
    }

    /// The digest under way of the first bytes of a staged file; nothing when it has fewer.
    private func digest(of file: File, count: Int64) throws(Fault) -> SHA256Hasher? {
        var hasher = SHA256Hasher()
        var position: Int64 = 0
        while position < count {
            try state.check()
            let wanted = Int(min(Int64(buffer.capacity), count - position))
            buffer.count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted]), at: position)
            guard buffer.count == wanted else { return nil }
            hasher.update(buffer.contents)
            position += Int64(wanted)
        }
        return hasher
    }

    /// How much of a large file an attempt before has staged, as far as that can be proved: the file is the same by size
    /// and time, and what is staged has the digest that was noted while it arrived.
    private func proved(_ file: File, _ key: ByteString, _ status: SourceStatus) throws(Fault) -> Start {
        guard let prefix = journal?.prefix(of: key), prefix.size == status.size, prefix.modified == status.modified,
            let hasher = try digest(of: file, count: prefix.count)
        else { return Start() }
        return hasher.finish() == prefix.sha256 ? Start(count: prefix.count, hasher: hasher) : Start()
    }

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

    // MARK: Copying

    /// Copies what the file had when it was opened, and not a byte more.
    private func copy(
        _ source: any SourceFile, _ status: SourceStatus, to file: File, _ start: Start, _ key: ByteString
    ) throws(Fault) -> Result<Content, Fault> {
        if start.count > 0, case .failure(let fault) = try checkSeam(source, file, start.count) {
            return .failure(fault)
        }
        if start.count == 0, status.size > 0, let local = source.localFile, state.canClone.load(ordering: .relaxed) {
            if file.clone(from: local) { return try cloned(file, status) }
            state.canClone.store(false, ordering: .relaxed)
        }
        var ranges: [Range<Int64>]?
        if start.count == 0, let allocated = status.allocated, allocated < status.size {
            do { ranges = FileCapture.sparse(try source.dataRanges(size: status.size), status.size) } catch {
                return .failure(error)
            }
        }
        return try transfer(source, ranges, status, to: file, start, key)
    }

    /// Reads the last block that is staged from the source once more: a file of the same size and time may be another one.
    private func checkSeam(_ source: any SourceFile, _ file: File, _ end: Int64) throws(Fault) -> Result<Void, Fault> {
        let count = Int(min(Int64(buffer.capacity), end))
        let staged = Buffer(capacity: count)
        staged.count = try file.read(into: staged.bytes, at: end - Int64(count))
        buffer.count = 0
        while buffer.count < count {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffer.count..<count])
            do {
                let read = try source.read(into: room, at: end - Int64(count) + Int64(buffer.count))
                if read == 0 { break }
                buffer.count += read
            } catch { return .failure(error) }
        }
        if staged.count == count, staged.contents.elementsEqual(buffer.contents) {
            return .success(())
        }
        return .failure(
            Fault(.changed, "\(file.path): what was staged before is not what the source has now", retry: .temporary))
    }

    /// Nothing for a file that is, or is best treated as, dense.
    private static func sparse(_ ranges: [Range<Int64>], _ size: Int64) -> [Range<Int64>]? {
        ranges.count > sparseRanges || ranges == [0..<size] ? nil : ranges
    }

    private func transfer(
        _ source: any SourceFile, _ ranges: [Range<Int64>]?, _ status: SourceStatus, to file: File, _ start: Start,
        _ key: ByteString
    ) throws(Fault) -> Result<Content, Fault> {
        let size = status.size
        var hasher = start.hasher
        var position = start.count
        var nextNote = ranges == nil ? position + CollectionJournal.prefixStep : Int64.max
        for range in ranges ?? (size > 0 ? [position..<size] : []) {
            if range.lowerBound > position {
                try hashZeros(range.lowerBound - position, &hasher)
                try file.seek(to: range.lowerBound)
                position = range.lowerBound
            }
            while position < range.upperBound {
                try state.check()
                let wanted = Int(min(Int64(buffer.capacity), range.upperBound - position))
                let bytes: UnsafeRawBufferPointer
                do { bytes = try read(source, at: position, count: wanted) } catch { return .failure(error) }
                if bytes.isEmpty { return .success(try cut(file, ranges, hasher.finish(), at: position)) }
                hasher.update(bytes)
                try file.write(bytes)
                progress.bytes.add(Int64(bytes.count))
                position += Int64(bytes.count)
                if position >= nextNote, let journal {
                    nextNote = position + CollectionJournal.prefixStep
                    try journal.note(
                        .init(size: size, modified: status.modified, count: position, sha256: hasher.finish()), of: key)
                }
            }
        }
        if position < size {
            try hashZeros(size - position, &hasher)
            try file.truncate(to: size)
        }
        return .success(Content(size: size, sha256: hasher.finish(), sparse: ranges))
    }

    /// The next bytes of the source: in their place, or read into the buffer.
    private func read(_ source: any SourceFile, at offset: Int64, count: Int) throws(Fault) -> UnsafeRawBufferPointer {
        if let bytes = try source.view(at: offset, count: count) { return bytes }
        buffer.count = try source.read(
            into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count]), at: offset)
        return buffer.contents
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
