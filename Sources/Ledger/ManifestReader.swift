import Codec
package import Platform

/// Reads a manifest row by row.
package final class ManifestReader {
    private let reader: RowReader
    private let decoder: RowDecoder
    /// The tenant that was asked about last, as it stands in the row, and the answer.
    private var lastTenant: [UInt8]?
    private var isLastWanted = false
    private var lastReference: [[UInt8]?] = [nil, nil, nil]

    /// - Throws: `damaged` when the table has no header line with the needed columns.
    package init(_ source: any RangedSource) throws(Fault) {
        reader = try RowReader(table: source)
        decoder = try RowDecoder(reader)
    }

    /// The next row that is of another object, run or tenant than the one before, as long as it has an object.
    ///
    /// - Returns: these three; nothing at the end.
    /// - Throws: `damaged`, naming file and row.
    package func nextReference() throws(Fault) -> (object: String, run: String, tenant: String)? {
        let columns = decoder.referenceColumns
        while try reader.next() {
            if reader.isEmpty(columns[0]) { continue }
            if zip(columns, lastReference).allSatisfy({ reader.fieldEquals($1, $0) }) { continue }
            lastReference = columns.map { reader.rawField($0) }
            return (try reader.text(columns[0]), try reader.text(columns[1]), try reader.text(columns[2]))
        }
        return nil
    }

    /// The next row that may be wanted; of the others only one field is looked at.
    ///
    /// - Parameters:
    ///   - kind: only rows of this kind.
    ///   - tenant: only rows of tenants that it says yes to; asked once for rows of one tenant that follow each other.
    /// - Returns: nothing at the end.
    /// - Throws: `damaged`, naming file and row.
    package func next(of kind: EntryKind? = nil, where tenant: ((String) -> Bool)?) throws(Fault) -> Manifest.Row? {
        while try reader.next() {
            if let kind, !decoder.isKind(kind, reader) { continue }
            if let tenant, !reader.fieldEquals(lastTenant, decoder.tenantColumn) {
                lastTenant = reader.rawField(decoder.tenantColumn)
                isLastWanted = tenant(try reader.text(decoder.tenantColumn))
            }
            guard tenant == nil || isLastWanted else { continue }
            return try decoder.row(reader)
        }
        return nil
    }

    /// The next row, or nothing at the end.
    ///
    /// - Throws: `damaged`, naming file and row.
    package func next() throws(Fault) -> Manifest.Row? {
        guard try reader.next() else { return nil }
        return try decoder.row(reader)
    }
}
