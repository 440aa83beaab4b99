import Codec
package import Platform

/// Entry list rows in a file without a name, uncompressed, so that the rows of one archive can be read again without
/// reading all: a list of a million entries costs memory only for its ranges.
package final class EntrySpool {
    private let file: File
    private var row = RowWriter()
    private var flushed: Int64 = 0

    /// Makes the file.
    ///
    /// - Parameter scratch: a local directory for the file.
    /// - Throws: the system's fault when the file can't be made.
    package init(scratch: Directory) throws(Fault) { file = try scratch.unnamedFile() }

    /// Appends a row and tells where it lies.
    package func append(_ listRow: EntryList.Row) throws(Fault) -> Range<Int64> {
        let start = flushed + Int64(row.bytes.count)
        EntryList.write(listRow, to: &row)
        let end = flushed + Int64(row.bytes.count)
        if row.bytes.count >= 1 << 20 { try flush() }
        return start..<end
    }

    private func flush() throws(Fault) {
        try file.write(row.bytes)
        flushed += Int64(row.bytes.count)
        row.clear()
    }

    /// Ends the appending; from now on any thread may read.
    package func finish() throws(Fault) -> SpooledEntries {
        try flush()
        return SpooledEntries(try FileSource(file))
    }
}

/// The rows of a finished ``EntrySpool``.
package struct SpooledEntries: Sendable {
    private let source: FileSource

    init(_ source: FileSource) { self.source = source }

    /// Reads the rows of some ranges, one after the other.
    package func rows(_ ranges: [Range<Int64>]) -> SpoolReader {
        SpoolReader(RowReader(RangesStream(source, ranges)), ranges)
    }
}

/// Reads rows of an ``EntrySpool``.
package final class SpoolReader {
    private let reader: RowReader
    private var ranges: ArraySlice<Range<Int64>>

    init(_ reader: RowReader, _ ranges: [Range<Int64>]) {
        self.reader = reader
        self.ranges = ranges[...]
    }

    /// The next row, or nothing at the end.
    package func next() throws(Fault) -> EntryList.Row? {
        guard try reader.next() else { return nil }
        return try EntryList.row(reader, .fixed)
    }

    /// The next row with where it lies, or nothing at the end; not to be mixed with ``next()``.
    package func nextPlaced() throws(Fault) -> (row: EntryList.Row, range: Range<Int64>)? {
        guard let row = try next() else { return nil }
        while let first = ranges.first, first.isEmpty { ranges.removeFirst() }
        guard let start = ranges.first?.lowerBound, let upper = ranges.first?.upperBound else { return nil }
        let end = start + Int64(reader.rowLength)
        ranges[ranges.startIndex] = end..<max(end, upper)
        return (row, start..<end)
    }
}
