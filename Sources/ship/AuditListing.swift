import Codec
import Console
import Ledger
import Platform
import Retention

/// Lines of the audit log in the order in which they were decided, whatever their number: a year has millions, which are
/// sorted on disk.
final class AuditListing {
    private let sorter: RowSorter
    private let isJSON: Bool
    private var columns = TextColumns(["TIME", "BY", "STAGE", "ACTION", "VAULT", "OBJECT", "WHY"])
    private var row = RowWriter()
    private var count: Int64 = 0

    /// - Parameters:
    ///   - scratch: a local directory for a file without a name.
    ///   - isJSON: whether the lines are printed as they are.
    /// - Throws: the system's fault when the file can't be made.
    init(scratch: Directory, isJSON: Bool) throws(Fault) {
        sorter = try RowSorter(scratch: scratch)
        self.isJSON = isJSON
    }

    /// Adds a line.
    ///
    /// - Parameters:
    ///   - line: what it tells.
    ///   - bytes: as it stands in the log.
    /// - Throws: the system's fault.
    func add(_ line: AuditLine, _ bytes: ArraySlice<UInt8>) throws(Fault) {
        // Within a second as they were written; the log of each stage and server is in order by itself.
        row.field(line.time)
        row.field(Self.sortable(line.ordinal ?? 0))
        row.field(Self.sortable(count))
        row.field(Int64(bitPattern: bytes.withUnsafeBytes { KeyDigest($0) }.low))
        if isJSON {
            bytes.withUnsafeBytes { row.field($0) }
        } else {
            let cells = Self.cells(line)
            columns.fit(cells)
            for cell in cells { row.field(cell) }
        }
        row.endRow()
        try sorter.add(&row)
        count += 1
    }

    private static func sortable(_ number: Int64) -> String {
        let digits = String(max(0, number))
        return String(repeating: "0", count: 19 - digits.utf8.count) + digits
    }

    private static func cells(_ line: AuditLine) -> [String] {
        [
            Timestamp(rfc3339: line.time)?.local ?? line.time, line.by, line.stage.rawValue, line.action.rawValue,
            line.vault ?? "",
            line.object.map { (line.stage == .ship ? "" : "\(line.run ?? "") ") + $0 }
                ?? (line.tenants ?? []).joined(separator: ","), line.why.joined(separator: ", "),
        ]
    }

    /// Prints them.
    ///
    /// - Throws: the system's fault; `readerGone` when nobody reads any more.
    func print() throws(Fault) {
        let rows = try sorter.finish()
        var out = ResultStream()
        if !isJSON { try out.line((count == 0 ? "nothing was decided" : columns.line(columns.heading)).utf8) }
        // What a new server took from the vaults tells the same as what it wrote itself, at the same moment.
        var moment: [[UInt8]?] = [nil, nil]
        var seen: Set<Int64> = []
        let reader = try rows.reader()
        while let row = try reader.next() {
            try Shutdown.check()
            if !row.fieldEquals(moment[0], 0) || !row.fieldEquals(moment[1], 1) {
                moment = [row.rawField(0), row.rawField(1)]
                seen.removeAll(keepingCapacity: true)
            }
            guard seen.insert(try row.int(3)).inserted else { continue }
            if isJSON {
                try out.line(try row.bytes(4).bytes)
            } else {
                var cells: [String] = []
                for index in 4..<row.fieldCount { cells.append(try row.text(index)) }
                try out.line(columns.line(cells).utf8)
            }
        }
        try out.flush()
    }
}
