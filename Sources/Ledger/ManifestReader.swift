import Codec
import Glibc
package import Platform

/// Reads a manifest row by row.
package final class ManifestReader {
    private let reader: RowReader
    private let decoder: RowDecoder
    /// The tenant that was asked about last, as it stands in the row, and the answer.
    private var lastTenant: [UInt8]?
    private var isLastWanted = false
    private let referenceColumns: (object: Int, run: Int, tenant: Int)
    private var lastReference = LastReference()

    /// - Throws: `damaged` when the table has no header line with the needed columns.
    package init(_ source: any RangedSource) throws(Fault) {
        reader = try RowReader(table: source)
        decoder = try RowDecoder(reader)
        referenceColumns = decoder.referenceColumns
    }

    /// What a row names, as it stands in the table, escapes and all; valid until the next row.
    package struct RawReference {
        package var object: UnsafeRawBufferPointer
        package var run: UnsafeRawBufferPointer
        package var tenant: UnsafeRawBufferPointer
    }

    /// Goes to the next row that is of another object, run or tenant than the one before, as long as it has an object:
    /// without a copy of any field, since a year of manifests has millions of rows.
    ///
    /// - Returns: these three; nothing at the end.
    /// - Throws: `damaged`, naming file and row.
    package func nextRawReference() throws(Fault) -> RawReference? {
        while try reader.next() {
            let reference = RawReference(
                object: reader.raw(referenceColumns.object), run: reader.raw(referenceColumns.run),
                tenant: reader.raw(referenceColumns.tenant))
            if reference.object.isEmpty || lastReference.isSame(reference) { continue }
            lastReference.set(reference)
            return reference
        }
        return nil
    }

    /// As ``nextRawReference()``, without escapes.
    package func nextReference() throws(Fault) -> (object: String, run: String, tenant: String)? {
        guard try nextRawReference() != nil else { return nil }
        return (
            try reader.text(referenceColumns.object), try reader.text(referenceColumns.run),
            try reader.text(referenceColumns.tenant)
        )
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

/// A copy of what a row named.
private struct LastReference {
    private var bytes: [UInt8] = []
    private var ends = (0, 0)

    mutating func set(_ reference: ManifestReader.RawReference) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: reference.object)
        ends.0 = bytes.count
        bytes.append(contentsOf: reference.run)
        ends.1 = bytes.count
        bytes.append(contentsOf: reference.tenant)
    }

    func isSame(_ reference: ManifestReader.RawReference) -> Bool {
        bytes.withUnsafeBytes { own in
            Self.areSame(own, 0..<ends.0, reference.object) && Self.areSame(own, ends.0..<ends.1, reference.run)
                && Self.areSame(own, ends.1..<own.count, reference.tenant)
        }
    }

    private static func areSame(
        _ own: UnsafeRawBufferPointer, _ range: Range<Int>, _ field: UnsafeRawBufferPointer
    ) -> Bool {
        guard range.count == field.count else { return false }
        guard let base = own.baseAddress, let other = field.baseAddress else { return true }
        return memcmp(base + range.lowerBound, other, range.count) == 0
    }
}
