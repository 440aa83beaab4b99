package import Codec
package import Platform

/// The list that collect makes of a host: every entry with all metadata and digest, and what was decided about it.
///
/// Its columns are `action`, `reason`, those of the manifest, and `sparse`.
package enum EntryList {
    package enum Action: String, Sendable {
        /// Collected in this run.
        case take
        /// Unchanged since the run that holds its bytes.
        case carry
        /// Not kept; the reason tells why.
        case skip
    }

    package struct Row: Sendable, Equatable {
        package var action: Action
        package var reason: String
        package var manifest: Manifest.Row
        /// The ranges that hold data in a file with holes; nothing for a dense file.
        package var sparse: [Range<Int64>]?

        package init(_ action: Action, reason: String = "", _ manifest: Manifest.Row, sparse: [Range<Int64>]? = nil) {
            self.action = action
            self.reason = reason
            self.manifest = manifest
            self.sparse = sparse
        }

        package var entry: Entry { manifest.entry }
    }

    static let extraColumns = ["action", "reason", "sparse"]

    /// All columns in their order.
    package static let columns = ["action", "reason"] + Manifest.columns + ["sparse"]

    /// Writes the row of an object, which has neither owners nor modes.
    ///
    /// - Parameters:
    ///   - key: at the source.
    ///   - size: in bytes.
    ///   - modified: as the source has it.
    ///   - tenant: the unit.
    ///   - etag: without quotes, of letters that nothing escapes.
    ///   - version: empty where the bucket keeps none.
    ///   - storageClass: at the source.
    ///   - suffix: of the class.
    ///   - row: gets the row with its end.
    package static func writeObject(
        key: UnsafeRawBufferPointer, size: Int64, modified: Timestamp, tenant: String, etag: UnsafeRawBufferPointer,
        version: UnsafeRawBufferPointer, storageClass: UnsafeRawBufferPointer, suffix: String, to row: inout RowWriter
    ) {
        row.field("take" as StaticString)
        row.empty()
        row.field(key)
        row.field("f" as StaticString)
        row.field(size)
        row.field(modified)
        for _ in 0..<4 { row.empty() }
        row.field(tenant)
        row.field("etag:" as StaticString)
        row.append(raw: etag)
        if !version.isEmpty {
            row.append(ascii: ":")
            row.append(raw: version)
        }
        row.empty()
        row.field(storageClass)
        if !suffix.isEmpty { row.append(raw: suffix) }
        for _ in 0..<7 { row.empty() }
        row.endRow()
    }
}

/// Writes an entry list row by row.
package final class EntryListWriter {
    private let gzip: GzipWriter
    private var row = RowWriter()

    package init(_ file: File, level: Int = 6) throws(Fault) {
        gzip = try GzipWriter(file, level: level)
        for column in EntryList.columns { row.field(column) }
        row.endRow()
        try gzip.write(&row)
    }

    package func write(_ listRow: EntryList.Row) throws(Fault) {
        EntryList.write(listRow, to: &row)
        try gzip.write(&row)
    }

    /// Brings the rows so far into the file, where they can be read though the list has no end yet.
    package func flush() throws(Fault) { try gzip.flush() }

    package func finish() throws(Fault) -> Digest256 { try gzip.finish() }
}

/// Reads an entry list row by row.
package final class EntryListReader {
    private let reader: RowReader
    private let decoder: RowDecoder

    package init(_ source: any RangedSource) throws(Fault) {
        reader = RowReader(gzip: source)
        decoder = try RowDecoder(reader, extra: EntryList.extraColumns)
    }

    /// The next row, or nothing at the end.
    ///
    /// - Throws: `damaged`, naming file and row.
    package func next() throws(Fault) -> EntryList.Row? {
        guard try reader.next() else { return nil }
        return try EntryList.row(reader, decoder)
    }
}

extension EntryList {
    static func write(_ listRow: Row, to row: inout RowWriter) {
        row.field(listRow.action.rawValue)
        row.field(listRow.reason)
        Manifest.write(listRow.manifest, to: &row)
        row.empty()
        for (index, range) in (listRow.sparse ?? []).enumerated() {
            if index > 0 { row.append(ascii: ",") }
            row.append(decimal: range.lowerBound)
            row.append(ascii: "+")
            row.append(decimal: range.upperBound - range.lowerBound)
        }
        if let sparse = listRow.sparse, sparse.isEmpty { row.append(ascii: "hole") }
        row.endRow()
    }

    static func row(_ reader: RowReader, _ decoder: RowDecoder) throws(Fault) -> Row {
        guard let action = Action(rawValue: try reader.text(decoder[extra: 0])) else {
            throw reader.fault("unknown action '\(try reader.text(decoder[extra: 0]))'")
        }
        var row = Row(action, reason: try reader.text(decoder[extra: 1]), try decoder.row(reader))
        if !reader.isEmpty(decoder[extra: 2]) {
            row.sparse = try ranges(try reader.text(decoder[extra: 2]), size: row.entry.size, reader)
        }
        return row
    }

    private static func ranges(_ text: String, size: Int64, _ reader: RowReader) throws(Fault) -> [Range<Int64>] {
        if text == "hole" { return [] }
        var ranges: [Range<Int64>] = []
        for part in text.split(separator: ",") {
            let numbers = part.split(separator: "+").compactMap { Int64($0) }
            let floor = ranges.last?.upperBound ?? 0
            guard numbers.count == 2, numbers[0] >= floor, numbers[1] > 0, numbers[0] <= size - numbers[1] else {
                throw reader.fault("'\(part)' is no data range of a file of \(size) bytes")
            }
            ranges.append(numbers[0]..<(numbers[0] + numbers[1]))
        }
        return ranges
    }
}
