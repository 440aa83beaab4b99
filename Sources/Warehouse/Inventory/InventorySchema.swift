package import Platform

/// Which column of an inventory's rows holds what, as its manifest says: the order is not fixed, and new columns come with
/// the years.
package struct InventorySchema: Sendable, Equatable {
    /// How many fields a row has.
    package let count: Int
    let bucket: Int
    let key: Int
    let size: Int
    let modified: Int
    let etag: Int
    let storageClass: Int
    let accessTier: Int?
    /// The three columns of an inventory of all versions.
    let version: Int?
    let isLatest: Int?
    let isDeleteMarker: Int?

    /// Whether the inventory lists all versions of each object.
    package var hasVersions: Bool { version != nil }

    /// Reads `fileSchema` of an inventory in CSV: names with commas between them.
    ///
    /// - Throws: `unsupported` for an inventory without a column that a backup can't do without; `damaged` for one with a
    ///   column twice, or with some of the columns of versions.
    package init(_ text: String) throws(Fault) {
        var names: [String: Int] = [:]
        var count = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = String(part.drop { $0 == " " })
            guard !name.isEmpty, names.updateValue(count, forKey: name) == nil else {
                throw Fault(.damaged, "the inventory's 'fileSchema' has column '\(ByteString(name))' twice or without a name")
            }
            count += 1
        }
        guard count <= 256 else { throw Fault(.limit, "the inventory's 'fileSchema' has \(count) columns") }
        self.count = count
        let required = ["Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass"]
        let missing = required.filter { names[$0] == nil }
        guard missing.isEmpty, let bucket = names["Bucket"], let key = names["Key"], let size = names["Size"],
            let modified = names["LastModifiedDate"], let etag = names["ETag"], let storageClass = names["StorageClass"]
        else {
            throw Fault(
                .unsupported, "the inventory has no column \(missing.joined(separator: ", "))",
                hint: "Add \(missing.joined(separator: ", ")) to the optional fields of the inventory's configuration.")
        }
        (self.bucket, self.key, self.size, self.modified) = (bucket, key, size, modified)
        (self.etag, self.storageClass) = (etag, storageClass)
        accessTier = names["IntelligentTieringAccessTier"]
        (version, isLatest, isDeleteMarker) = (names["VersionId"], names["IsLatest"], names["IsDeleteMarker"])
        guard (version == nil) == (isLatest == nil), (version == nil) == (isDeleteMarker == nil) else {
            throw Fault(
                .damaged, "the inventory has some of the columns VersionId, IsLatest and IsDeleteMarker, not all three")
        }
    }
}
