import Glibc
package import Platform

/// Sorts rows of any number by their bytes: as many as memory may hold are sorted at a time and written to a file without a
/// name, and all of them are merged as they are read.
///
/// A tab comes before whatever a field can hold, so rows with the same first field follow each other.
package final class RowSorter {
    private let file: File
    private let limit: Int
    private var bytes: [UInt8] = []
    private var rows: [Range<Int>] = []
    private var runs: [Range<Int64>] = []
    private var written: Int64 = 0

    /// Makes the file.
    ///
    /// - Parameters:
    ///   - scratch: a local directory for the file.
    ///   - limit: the bytes that are sorted at a time.
    /// - Throws: the system's fault when the file can't be made.
    package init(scratch: Directory, limit: Int = 16 << 20) throws(Fault) {
        file = try scratch.unnamedFile()
        self.limit = limit
    }

    /// Takes the rows of a writer, and clears it.
    ///
    /// - Throws: the system's fault.
    package func add(_ row: inout RowWriter) throws(Fault) {
        var start = bytes.count
        bytes += row.bytes
        row.clear()
        while start < bytes.count, let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            rows.append(start..<(end + 1))
            start = end + 1
        }
        if bytes.count >= limit { try flush() }
    }

    private func flush() throws(Fault) {
        guard !rows.isEmpty else { return }
        bytes.withUnsafeBytes { all in
            rows.sort { Self.precedes(.init(rebasing: all[$0]), .init(rebasing: all[$1])) }
        }
        var sorted: [UInt8] = []
        sorted.reserveCapacity(1 << 20)
        for row in rows {
            sorted += bytes[row]
            if sorted.count >= 1 << 20 {
                try file.write(sorted)
                sorted.removeAll(keepingCapacity: true)
            }
        }
        try file.write(sorted)
        runs.append(written..<(written + Int64(bytes.count)))
        written += Int64(bytes.count)
        bytes.removeAll(keepingCapacity: true)
        rows.removeAll(keepingCapacity: true)
    }

    static func precedes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard let one = left.baseAddress, let other = right.baseAddress else { return left.count < right.count }
        let order = memcmp(one, other, min(left.count, right.count))
        return order == 0 ? left.count < right.count : order < 0
    }

    /// Ends the adding; what was sorted can be read as often as is wanted.
    package func finish() throws(Fault) -> SortedRows {
        try flush()
        bytes = []
        rows = []
        return SortedRows(try FileSource(file), runs)
    }
}

/// The rows of a finished ``RowSorter``.
package struct SortedRows: Sendable {
    private let source: FileSource
    private let runs: [Range<Int64>]

    init(_ source: FileSource, _ runs: [Range<Int64>]) {
        self.source = source
        self.runs = runs
    }

    /// Begins at the first row.
    package func reader() throws(Fault) -> SortedRowsReader {
        var readers: [RowReader] = []
        for run in runs {
            let reader = RowReader(RangesStream(source, [run]))
            if try reader.next() { readers.append(reader) }
        }
        return SortedRowsReader(readers)
    }
}

/// Merges sorted rows.
package final class SortedRowsReader {
    /// A heap: none precedes the one at half its index.
    private var readers: [RowReader]
    private var isBegun = false

    init(_ readers: [RowReader]) { self.readers = readers.sorted { $0.precedes($1) } }

    /// Goes to the next row.
    ///
    /// - Returns: a reader that stands on the row until the next call; nothing at the end.
    /// - Throws: the system's fault.
    package func next() throws(Fault) -> RowReader? {
        if isBegun, let first = readers.first {
            if try !first.next() {
                readers.swapAt(0, readers.count - 1)
                readers.removeLast()
            }
            sink()
        }
        isBegun = true
        return readers.first
    }

    private func sink() {
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < readers.count && readers[child].precedes(readers[least]) {
                least = child
            }
            if least == place { return }
            readers.swapAt(place, least)
            place = least
        }
    }
}
