package import Codec
package import Platform

/// The complete picture of one unit in one run: a gzip'd TSV with a header line, sorted by key bytes, so that manifests
/// merge as streams.
package enum Manifest {
    /// One entry and where its bytes are.
    package struct Row: Sendable, Equatable {
        package var entry: Entry
        package var tenant: String
        package var sha256: Digest256?
        /// The storage class that holds the bytes.
        package var storageClass: String
        /// The run whose archive holds the bytes: an earlier one for a carried entry.
        package var run: String
        /// The vault key of the archive.
        package var object: String
        /// The name inside the tar.
        package var name: ByteString
        /// The compressed range of the gzip members that cover the entry.
        package var range: Range<Int64>?
        package var flags: EntryFlag
        /// Why the bytes were not kept, for a skipped entry.
        package var reason: String

        package init(entry: Entry, tenant: String = "") {
            self.entry = entry
            self.tenant = tenant
            sha256 = nil
            storageClass = ""
            run = ""
            object = ""
            name = ByteString()
            range = nil
            flags = []
            reason = ""
        }
    }

    /// The columns in their order.
    ///
    /// A reader finds them by name, so that later versions may add some. A column whose name begins with `!` must be
    /// understood: a reader that does not know it leaves the table alone.
    package static let columns = [
        "key", "type", "size", "modified", "mode", "uid", "gid", "link", "tenant", "identity", "sha256", "class", "run",
        "object", "entry", "offset", "length", "flags",
    ]

    static func write(_ row: Row, to writer: inout RowWriter) {
        writer.field(row.entry.key)
        writer.field(row.entry.kind.letter)
        writer.field(row.entry.size)
        writer.field(row.entry.modified)
        writer.field(octal: row.entry.mode)
        writer.field(Int64(row.entry.uid))
        writer.field(Int64(row.entry.gid))
        writer.field(row.entry.link)
        writer.field(row.tenant)
        row.entry.writeIdentity(to: &writer)
        writer.field(row.sha256)
        writer.field(row.storageClass)
        writer.field(row.run)
        writer.field(row.object)
        writer.field(row.name)
        writer.field(row.range.map { $0.lowerBound })
        writer.field(row.range.map { $0.upperBound - $0.lowerBound })
        var flags = row.flags.text
        if row.flags.contains(.skipped) && !row.reason.isEmpty { flags += "=" + row.reason }
        writer.field(flags)
    }
}

/// Finds columns by their names in the header line of a table.
struct ColumnMap {
    private let indexes: [Int?]

    /// - Throws: `damaged` when the table is empty or has no column of a `required` name.
    init(_ reader: RowReader, columns: [String], required: Set<String>) throws(Fault) {
        guard try reader.next() else { throw Fault(.damaged, "\(reader.name): is empty, expected a header line") }
        var names: [String: Int] = [:]
        for index in 0..<reader.fieldCount { names[try reader.text(index)] = index }
        // What a later version adds is passed over, unless it says that this must not be done.
        if let name = names.keys.filter({ $0.hasPrefix("!") }).min() {
            throw Fault(
                .unsupported, "\(reader.name): has the column '\(name)', which this version does not know",
                hint: "Use the version that wrote it, or a newer one; leave the file as it is.")
        }
        for name in required.sorted() where names[name] == nil {
            throw reader.fault("has no column '\(name)'")
        }
        indexes = columns.map { names[$0] }
    }

    /// The columns in the order in which they are written.
    init(fixed indexes: [Int]) { self.indexes = indexes }

    /// The place of the column with this number in `columns`; beyond every row when the table lacks it.
    subscript(_ column: Int) -> Int { indexes[column] ?? Int.max / 2 }
}

/// Reads rows in the manifest's columns, wherever they stand in the table.
struct RowDecoder {
    private let map: ColumnMap
    static let required: Set<String> = ["key", "type", "size", "modified"]

    init(_ reader: RowReader, extra: [String] = []) throws(Fault) {
        map = try ColumnMap(reader, columns: Manifest.columns + extra, required: RowDecoder.required)
    }

    private init(map: ColumnMap) { self.map = map }

    /// Rows as ``EntryList`` writes them, without a header line: action and reason, the manifest's columns, sparse.
    static let fixed = RowDecoder(
        map: ColumnMap(fixed: Array(2..<(2 + Manifest.columns.count)) + [0, 1, 2 + Manifest.columns.count]))

    subscript(extra index: Int) -> Int { map[Manifest.columns.count + index] }

    /// Where object, run and tenant stand.
    var referenceColumns: (object: Int, run: Int, tenant: Int) { (map[13], map[12], map[8]) }

    /// Where the tenant stands.
    var tenantColumn: Int { map[8] }

    /// Whether the row is of a kind, as far as that can be told without reading it.
    func isKind(_ kind: EntryKind, _ reader: RowReader) -> Bool { reader.fieldEquals([kind.rawValue], map[1]) }

    func row(_ reader: RowReader) throws(Fault) -> Manifest.Row {
        let letters = try reader.bytes(map[1]).bytes
        guard letters.count == 1, let kind = EntryKind(rawValue: letters[0]) else {
            throw reader.fault("unknown entry type '\(ByteString(bytes: letters))'")
        }
        var entry = Entry(
            key: try reader.bytes(map[0]), kind: kind, size: try reader.int(map[2]),
            modified: try reader.timestamp(map[3]),
            mode: reader.isEmpty(map[4]) ? 0 : try reader.octal(map[4]),
            uid: try reader.owner(map[5]), gid: try reader.owner(map[6]), link: try reader.bytes(map[7]))
        guard entry.size >= 0 else { throw reader.fault("a negative size") }
        if reader.hasPrefix("etag:", map[9]) { entry.readIdentity(try reader.text(map[9])) }
        var row = Manifest.Row(entry: entry, tenant: try reader.text(map[8]))
        row.sha256 = try reader.digest(map[10])
        row.storageClass = try reader.text(map[11])
        row.run = try reader.text(map[12])
        row.object = try reader.text(map[13])
        row.name = try reader.bytes(map[14])
        if let offset = try reader.optionalInt(map[15]), let length = try reader.optionalInt(map[16]) {
            guard offset >= 0, length >= 0, offset <= Int64.max - length else {
                throw reader.fault("an impossible range")
            }
            row.range = offset..<(offset + length)
        }
        if !reader.isEmpty(map[17]) {
            let flags = try reader.text(map[17])
            let parts = flags.split(separator: "=", maxSplits: 1)
            row.flags = EntryFlag(text: String(parts.first ?? ""))
            if parts.count == 2 { row.reason = String(parts[1]) }
        }
        return row
    }
}
