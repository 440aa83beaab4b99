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
