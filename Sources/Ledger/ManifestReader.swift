import Codec
package import Platform

/// Reads a manifest row by row.
package final class ManifestReader {
    private let reader: RowReader
    private let decoder: RowDecoder

    /// - Throws: `damaged` when the table has no header line with the needed columns.
    package init(_ source: any RangedSource) throws(Fault) {
        reader = RowReader(gzip: source)
        decoder = try RowDecoder(reader)
    }

    /// The next row, or nothing at the end.
    ///
    /// - Throws: `damaged`, naming file and row.
    package func next() throws(Fault) -> Manifest.Row? {
        guard try reader.next() else { return nil }
        return try decoder.row(reader)
    }
}
