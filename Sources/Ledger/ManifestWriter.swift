package import Codec
package import Platform

/// Writes a manifest row by row, in key order.
package final class ManifestWriter {
    private let gzip: GzipWriter
    private var row = RowWriter()
    private var last: ByteString?
    /// Rows written.
    package private(set) var count: Int64 = 0

    package init(_ file: File) throws(Fault) {
        gzip = try GzipWriter(file)
        for column in Manifest.columns { row.field(column) }
        row.endRow()
        try gzip.write(&row)
    }

    /// - Throws: `damaged` when the key is not greater than the one before: a manifest out of order would merge wrongly.
    package func write(_ manifestRow: Manifest.Row) throws(Fault) {
        if let last, !(last < manifestRow.entry.key) {
            throw Fault(.damaged, "the key '\(manifestRow.entry.key)' follows '\(last)': not in order, or twice")
        }
        last = manifestRow.entry.key
        Manifest.write(manifestRow, to: &row)
        row.endRow()
        try gzip.write(&row)
        count += 1
    }

    /// Ends the table and returns the digest of its bytes.
    package func finish() throws(Fault) -> Digest256 { try gzip.finish() }
}
