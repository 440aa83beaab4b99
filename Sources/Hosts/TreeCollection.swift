import Codec
package import Ledger
package import Platform
package import Settings

/// Collects one tree into a directory: walk, plan, copy and list, side by side, in memory that does not depend on the
/// number or the size of the files.
///
/// It is used once, from one thread: the closures need not be sendable, and the held rows are a stream.
package struct TreeCollection {
    /// Gives the rows of the newest verified manifest in key order, then nothing.
    package typealias Held = IncrementalPlan.Held
    /// Says where an entry belongs; the path ends with a slash for a directory.
    package typealias Placing = (ByteString) throws(Fault) -> Placement

    private let tree: any SourceTree
    private let held: Held?
    private let rules: IncrementalPlan.Rules
    private let place: Placing
    private let runDate: String
    private let clock: Clock
    private let options: Options

    /// What bears on a collection besides tree and plan.
    package struct Options: Sendable {
        /// How long a file must not have been modified to count as finished.
        package var settle = Period(seconds: 0)
        /// When no more may be read from the tree.
        package var end: Timestamp?
        /// What the host says the content is.
        package var checksums: SourceChecksums?

        package init() {}
    }

    /// Entries that go through the queues together: small files cost less than handing them over one by one would.
    private static let batchCount = 32
    private static let batchBytes: Int64 = 1 << 20

    /// - Parameters:
    ///   - tree: what is collected.
    ///   - held: what every vault of the job holds already; nothing to take all.
    ///   - rules: what bears on the decisions; whole seconds are added where the tree has no others.
    ///   - run: the data date, as it stands in the `run` column.
    ///   - clock: tells how long ago a file was modified.
    ///   - options: what bears on it besides.
    ///   - place: called once for each entry that is not carried, in key order.
    package init(
        _ tree: any SourceTree, held: Held?, rules: IncrementalPlan.Rules, run: String, clock: Clock = .system,
        options: Options = Options(), place: @escaping Placing
    ) {
        self.tree = tree
        self.held = held
        self.rules = rules
        self.place = place
        runDate = run
        self.clock = clock
        self.options = options
    }

    private func planner(_ earlier: @escaping () -> EntryList.Row? = { nil }) throws(Fault) -> CollectionPlanner {
        let now = clock.now()
        let settled = Timestamp(seconds: now.seconds - options.settle.seconds, nanoseconds: now.nanoseconds)
        return try CollectionPlanner(
            tree, held: held, rules: rules, place: place, run: runDate,
            settledBefore: options.settle.seconds > 0 ? settled : nil, earlier: earlier)
    }

    /// The plan alone: what a run would do, as far as that is known without opening a file.
    ///
    /// Digests are missing.
    ///
    /// - Parameter each: called for each row, in key order.
    /// - Returns: the counts of the plan.
    /// - Throws: what the tree, the held side and `each` throw, and `settings` for an entry that has no place.
    package func plan(_ each: (EntryList.Row) throws -> Void) throws -> CollectionOutcome {
        let planner = try planner()
        var outcome = CollectionOutcome()
        while let item = try planner.next() {
            var row: EntryList.Row
            switch item {
            case .row(let known, let warning):
                row = known
                if let warning { outcome.warn(warning) }
            case .file(_, let planned, _): row = planned
            case .link(_, let planned, let first):
                row = planned
                row.manifest.entry.link = first
            }
            outcome.count(row)
            try each(row)
        }
        if planner.vanished > 0 { outcome.add(planner.vanished, to: "vanished") }
        return outcome
    }

    /// Collects the tree.
    ///
    /// When it returns, all content and the list are on stable storage. When it throws, what it wrote is worth nothing but
    /// to a later call with the same journal.
    ///
    /// - Parameters:
    ///   - destination: takes the content, files of mode 0600 below directories of mode 0700, under ``StagedPath``.
    ///     What an earlier attempt left in it is removed first, but for what the journal proves.
    ///   - list: takes the entry list; written from its current position on, synced, and left open.
    ///   - workers: how many threads copy files.
    ///   - journal: what earlier attempts have staged, and what this one leaves to the next.
    ///   - progress: counted up while it works.
    /// - Returns: the counts, the warnings and the digest of the list.
    /// - Throws: what staging says, with its path; `settings` for an entry that has no place; `interrupted` after a
    ///   signal; a fault of the tree only when it concerns more than one entry.
    package func run(
        into destination: Directory, list: File, workers: Int, journal: CollectionJournal? = nil,
        progress: CollectionProgress = CollectionProgress()
    ) throws(Fault) -> CollectionOutcome {
        if journal == nil { for name in try destination.names() { try destination.removeTree(name) } }

        let hasLeftovers = try !destination.names().isEmpty
        let width = max(1, workers)
        let state = CollectionState(until: options.end, clock)
        let queue = BoundedQueue<Batch>(capacity: 2 * width)
        let window = OrderedWindow<[CollectedItem]>(capacity: max(16, 4 * width))
        let crew = ThreadCrew {
            state.abandon()
            queue.cancel()
            // What is collected already still goes into the journal.
            window.abandon()
        }
        let written = Monitor<CollectionOutcome?>(nil)
        var vanished: Int64 = 0
        do {
            let (tree, clock, checksums) = (tree, clock, options.checksums)
            for number in 1...width {
                try crew.start("collect-\(number)") {
                    let capture = FileCapture(tree, to: destination, clock, state, progress, journal)
                    while let batch = queue.pop() {
                        window.deliver(try batch.collected(by: capture), for: batch.number)
                    }
                }
            }
            try crew.start("collect-list") {
                let capture = FileCapture(tree, to: destination, clock, state, progress, journal)
                var writer = try ListWriter(
                    list, destination, capture, progress, journal, hasLeftovers: hasLeftovers, checksums)
                defer { try? journal?.flush() }
                while let items = window.take() {
                    for item in items { try writer.write(item) }
                }
                // An abandoned window ends as a finished one does.
                try state.check()
                let outcome = try writer.finish()
                written.with { $0 = outcome }
            }
            vanished = try admit(queue, window, state, journal)
        } catch {
            crew.failed(error)
        }
        queue.close()
        window.finish()
        try crew.join()
        guard var outcome = written.with({ $0 }) else {
            preconditionFailure("a list that was not finished is a fault of its thread")
        }
        if vanished > 0 { outcome.add(vanished, to: "vanished") }
        return outcome
    }

    /// Walks and plans, and hands the steps on as far as there is room.
    ///
    /// - Returns: the number of entries that vanished since the held run.
    private func admit(
        _ queue: BoundedQueue<Batch>, _ window: OrderedWindow<[CollectedItem]>, _ state: CollectionState,
        _ journal: CollectionJournal?
    ) throws(Fault) -> Int64 {
        let planner = try planner(try journal?.earlier() ?? { nil })
        var batch = Batch()
        while let item = try planner.next() {
            batch.items.append(item)
            if case .file(let entry, _, let staged) = item {
                try state.check()
                batch.hasFiles = true
                batch.bytes += min(entry.entry.size, TreeCollection.batchBytes)
                if staged == nil { tree.announce(entry) }
            }
            if batch.items.count >= TreeCollection.batchCount || batch.bytes >= TreeCollection.batchBytes {
                guard try send(batch, queue, window) else { return planner.vanished }
                batch = Batch()
            }
        }
        if !batch.items.isEmpty { _ = try send(batch, queue, window) }
        return planner.vanished
    }

    /// - Returns: false when the collection has been abandoned.
    private func send(_ batch: Batch, _ queue: BoundedQueue<Batch>, _ window: OrderedWindow<[CollectedItem]>)
        throws(Fault)
        -> Bool
    {
        guard let number = window.admit() else { return false }
        var batch = batch
        batch.number = number
        if batch.hasFiles { return queue.push(batch) }
        window.deliver(batch.items.map { .planned($0) }, for: number)
        return true
    }
}

/// A few entries on their way together.
private struct Batch: Sendable {
    var number = 0
    var items: [CollectionItem] = []
    var bytes: Int64 = 0
    var hasFiles = false

    func collected(by capture: FileCapture) throws(Fault) -> [CollectedItem] {
        var collected: [CollectedItem] = []
        collected.reserveCapacity(items.count)
        for item in items {
            if case .file(let entry, let row, let staged) = item {
                collected.append(.file(try capture.collect(entry, row, staged: staged)))
            } else {
                collected.append(.planned(item))
            }
        }
        return collected
    }
}

/// An entry on its way to the list.
private enum CollectedItem: Sendable {
    case planned(CollectionItem)
    case file(CollectedRow)
}

/// Writes the entry list in the order of the keys, and settles what only that order can.
///
/// That is what a further name of a file refers to. It belongs to one thread.
private struct ListWriter {
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
