import Codec
package import Ledger
package import Platform

/// The objects that a manifest names, each with the run that made it and the tenants whose entries it holds.
package struct ManifestReferences: Sendable, Equatable {
    package struct Reference: Sendable, Equatable {
        package var object: String
        package var run: String
        package var tenants: [String]
    }

    package private(set) var references: [Reference] = []

    /// Reads a manifest.
    ///
    /// - Throws: `damaged` for one that can't be read to its end.
    package init(_ reader: ManifestReader) throws(Fault) {
        var found: [String: (run: String, tenants: Set<String>)] = [:]
        while let row = try reader.nextReference() {
            found[row.object, default: (row.run, [])].tenants.insert(row.tenant)
        }
        references = found.sorted { $0.key < $1.key }.map {
            Reference(object: $0.key, run: $0.value.run, tenants: $0.value.tenants.sorted())
        }
    }

    /// Writes a row for each, and one that ends them: without an object, with their number and the manifest's digest.
    func write(_ gzip: GzipWriter, of digest: Digest256) throws(Fault) {
        var row = RowWriter()
        for reference in references {
            row.field(reference.object)
            row.field(reference.run)
            row.field(reference.tenants.joined(separator: ","))
            row.endRow()
            try gzip.write(&row)
        }
        row.empty()
        row.field(Int64(references.count))
        row.field(digest)
        row.endRow()
        try gzip.write(&row)
        _ = try gzip.finish()
    }
}
