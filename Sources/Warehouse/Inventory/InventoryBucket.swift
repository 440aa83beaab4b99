package import AWS
package import Platform
import Vault

/// A bucket in which inventories arrive: what of an S3 client it takes to find and to read them.
package protocol InventoryBucket: Sendable {
    /// `s3://BUCKET`.
    var name: String { get }
    /// Calls `each` for every key that begins with `prefix`.
    func list(prefix: String, _ each: (ByteString) throws(Fault) -> Void) throws(Fault)
    /// The size of an object; nothing when there is none.
    func size(_ key: ByteString) throws(Fault) -> Int64?
    /// A whole small object with its ETag; nothing when there is none.
    func read(_ key: ByteString, limit: Int) throws(Fault) -> (bytes: [UInt8], etag: String)?
    /// An object to be read in ranges.
    func open(_ key: ByteString) throws(Fault) -> any RangedSource
}

extension S3Client: InventoryBucket {
    package var name: String { name(nil) }

    package func list(prefix: String, _ each: (ByteString) throws(Fault) -> Void) throws(Fault) {
        try list(prefix: ByteString(prefix)) { (row) throws(Fault) in try each(row.key) }
    }

    package func size(_ key: ByteString) throws(Fault) -> Int64? { try head(key)?.size }

    package func read(_ key: ByteString, limit: Int) throws(Fault) -> (bytes: [UInt8], etag: String)? {
        guard let info = try head(key) else { return nil }
        guard info.size <= limit else {
            throw Fault(.limit, "\(name(key)): has \(info.size) bytes, at most \(limit) are accepted")
        }
        guard info.size > 0 else { return ([], info.etag) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(info.size))
        try get(key, 0..<info.size, etag: info.etag.isEmpty ? nil : info.etag) { bytes.append(contentsOf: $0) }
        return (bytes, info.etag)
    }

    package func open(_ key: ByteString) throws(Fault) -> any RangedSource {
        guard let info = try head(key) else { throw Fault(.notFound, "\(name(key)): no such object") }
        return S3Source(self, key, info)
    }
}
