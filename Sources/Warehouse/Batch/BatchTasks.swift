import AWS
import Codec
package import Ledger
package import Platform

/// The rows of a plan that one job of Batch Operations copies.
///
/// A job knows no condition: it would replace what lies where it writes, and an older manifest may name that. So what has
/// anything at its place before the job is none of its tasks.
package struct BatchTasks: Sendable {
    package let part: BatchCSV.Part
    let keys: DestinationKeys
    let run: CivilDate
    /// The keys at whose places something lay.
    package private(set) var occupied = KeyDigests()
    private let others: KeyDigests

    /// - Parameters:
    ///   - part: of the plan.
    ///   - keys: of the run.
    ///   - run: the run.
    ///   - others: keys that this vault alone lacks, which no list of pack has.
    package init(_ part: BatchCSV.Part, _ keys: DestinationKeys, run: CivilDate, but others: KeyDigests = KeyDigests())
    {
        self.part = part
        self.keys = keys
        self.run = run
        self.others = others
    }

    /// Whether the job copies a row.
    package func includes(_ row: Manifest.Row) -> Bool {
        CopyPass.isTaken(row, by: run) && BatchCSV.part(of: row, keys) == part && !occupied.contains(row.entry.key)
            && !others.contains(row.entry.key)
    }

    /// The rows, to be compared with what is listed where the job writes.
    func target(_ places: CopyPlaces) throws(Fault) -> ListedRows {
        let beginning = part == .logs ? keys.changed : keys.data
        let (client, one) = try places.place(ByteString(beginning) + "x")
        return ListedRows(client, under: ByteString(one.bytes.dropLast()))
    }

    /// Looks for what lies where the job would write, and notes it on stable storage: after the job nobody can tell any
    /// more.
    ///
    /// - Parameters:
    ///   - name: of the table that is written.
    ///   - directory: where it is.
    ///   - places: where objects are.
    ///   - open: opens the plan.
    /// - Throws: the fault of the store.
    package mutating func findOccupied(
        _ name: ByteString, in directory: Directory, _ places: CopyPlaces,
        _ open: () throws(Fault) -> ManifestReader
    ) throws(Fault) {
        occupied = KeyDigests()
        let pending = try PendingFile(name, in: directory)
        let gzip = try GzipWriter(pending.file, level: 1)
        var row = RowWriter()
        row.field("key")
        row.endRow()
        var found = KeyDigests()
        try target(places).compare(open, selecting: { includes($0) }) { (planned, listed) throws(Fault) in
            guard listed != nil else { return }
            found.add(planned.entry.key)
            row.field(planned.entry.key)
            row.endRow()
            if row.bytes.count >= 64 << 10 { try gzip.write(&row) }
        }
        try gzip.write(&row)
        _ = try gzip.finish()
        try pending.commit()
        found.sort()
        occupied = found
    }

    /// Reads what an earlier attempt has noted.
    ///
    /// - Throws: `notFound` where there is nothing; `damaged` for a table that is none.
    package mutating func readOccupied(_ name: ByteString, in directory: Directory) throws(Fault) {
        let reader = RowReader(gzip: try FileSource(try directory.openFile(name)))
        guard try reader.next(), try reader.text(0) == "key" else { throw reader.fault("has no column 'key'") }
        var found = KeyDigests()
        while try reader.next() { found.add(try reader.bytes(0)) }
        found.sort()
        occupied = found
    }
}
