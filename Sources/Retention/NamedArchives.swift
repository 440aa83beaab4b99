import Codec
import Ledger
import Platform

/// What some manifests name, by their numbers: read once, several at once, and then told as often as it is asked for.
final class NamedArchives {
    private struct State {
        let table = ReferenceTable()
        let spool: ReferenceSpool
        /// Where the archives of each manifest stand, of which copy they are, and their tenants together.
        var places: [(range: Range<Int64>, digest: Digest256?, tenants: Int32)]
    }

    /// Threads share it only in ``read(atOnce:_:)``.
    private let state: Monitor<State>
    /// Of those manifests of which the ledger has another copy.
    private var ledgerRanges: [Int: Range<Int64>] = [:]
    private var seen: Set<UInt32> = []

    /// The archives.
    let table: ReferenceTable

    /// - Parameters:
    ///   - count: of the manifests.
    ///   - scratch: a local directory.
    /// - Throws: the system's fault when there is no room for what is read.
    init(_ count: Int, scratch: Directory) throws(Fault) {
        let state = State(
            spool: try ReferenceSpool(scratch), places: Array(repeating: (0..<0, nil, -1), count: count))
        table = state.table
        self.state = Monitor(state)
    }

    // MARK: Reading

    /// Takes a row of ``ReferenceCache``.
    typealias Each = (RowReader) throws(Fault) -> Void

    /// The rows of a manifest, as one thread gathers them.
    private final class Gathering {
        private let state: Monitor<State>
        /// Both are asked for in nearly every row, and have few values.
        private var days: [KeyDigest: Int32] = [:]
        private var lists: [KeyDigest: Int32] = [:]
        private var rows: [(key: KeyDigest, tenants: Int32, day: Int32)] = []

        init(_ state: Monitor<State>) { self.state = state }

        func begin() { rows.removeAll(keepingCapacity: true) }

        func add(_ row: RowReader) throws(Fault) {
            let (run, list) = (try row.key(1), try row.key(2))
            let day: Int32
            if let known = days[run] {
                day = known
            } else {
                day = CivilDate(try row.text(1)).map { Int32($0.dayNumber) } ?? Int32.min
                days[run] = day
            }
            let tenants: Int32
            if let known = lists[list] {
                tenants = known
            } else {
                let names = try row.text(2).split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                tenants = state.with { $0.table.index(names) }
                lists[list] = tenants
            }
            rows.append((try row.key(0), tenants, day))
        }

        /// Puts them into the table.
        ///
        /// - Returns: where their numbers stand, and their tenants together.
        func end(_ state: inout State) throws(Fault) -> (range: Range<Int64>, tenants: Int32) {
            var numbers: [UInt32] = []
            numbers.reserveCapacity(rows.count)
            var lists: Set<Int32> = []
            var last: Int32 = -1
            for row in rows {
                numbers.append(state.table.add(row.key, tenants: row.tenants, day: row.day))
                if row.tenants != last { lists.insert(row.tenants) }
                last = row.tenants
            }
            return (try state.spool.append(numbers), state.table.index(lists))
        }
    }

    /// Reads all manifests.
    ///
    /// - Parameters:
    ///   - atOnce: threads.
    ///   - body: reads the manifest with a number, and returns the digest of what it has read.
    /// - Throws: the first fault of `body`.
    func read(atOnce: Int, _ body: @escaping @Sendable (Int, Each) throws(Fault) -> Digest256) throws(Fault) {
        let state = state
        let count = state.with { $0.places.count }
        let rest = Monitor(0..<count)
        let crew = ThreadCrew(onFault: { rest.with { $0 = 0..<0 } })
        for _ in 0..<min(atOnce, count) {
            try crew.start("manifests") {
                let gathering = Gathering(state)
                while let index = rest.with({ $0.popFirst() }) {
                    try Shutdown.check()
                    gathering.begin()
                    let digest = try body(index) { row throws(Fault) in try gathering.add(row) }
                    try state.with { (state: inout State) throws(Fault) in
                        let (range, tenants) = try gathering.end(&state)
                        state.places[index] = (range, digest, tenants)
                    }
                }
            }
        }
        try crew.join()
    }

    // MARK: Telling

    /// The tenants of a manifest together, sorted.
    func tenants(of index: Int) -> [String] { table.tenants(state.with { $0.places[index].tenants }) }

    /// The digest of the copy of a manifest that was read.
    func digest(of index: Int) -> Digest256? { state.with { $0.places[index].digest } }

    /// Calls `body` with the numbers of what a manifest names.
    func forEach(of index: Int, _ body: (UInt32) -> Void) throws(Fault) {
        let (spool, range) = state.with { ($0.spool, $0.places[index].range) }
        try spool.forEach(range, body)
    }

    /// The same of the ledger's copy.
    ///
    /// - Parameters:
    ///   - index: of the manifest.
    ///   - body: gets the numbers.
    ///   - read: reads that copy, when it is asked for first.
    /// - Throws: what `read` throws.
    func forEachInLedger(
        of index: Int, _ body: (UInt32) -> Void, reading read: (Each) throws(Fault) -> Digest256
    ) throws(Fault) {
        if ledgerRanges[index] == nil {
            let gathering = Gathering(state)
            _ = try read { row throws(Fault) in try gathering.add(row) }
            ledgerRanges[index] = try state.with { (state: inout State) throws(Fault) in
                try gathering.end(&state).range
            }
        }
        guard let range = ledgerRanges[index] else { return }
        let spool = state.with { $0.spool }
        try spool.forEach(range, body)
    }

    /// All tenants of an archive when it is asked for first; nothing later, or where no manifest names it.
    func first(_ key: KeyDigest) -> [String]? {
        guard let known = table.known(key), seen.insert(known.number).inserted else { return nil }
        return known.tenants
    }
}
