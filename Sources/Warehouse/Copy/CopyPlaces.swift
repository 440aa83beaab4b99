package import AWS
package import Platform
package import Vault

/// Where the objects of manifests are: in the vault, or in the bucket of a snapshot.
package final class CopyPlaces: Sendable {
    package let vault: S3Store
    /// Clients of snapshots, which learn the region of their bucket.
    private let others = Monitor<[String: S3Client]>([:])

    package init(_ vault: S3Store) { self.vault = vault }

    private static let scheme = ByteString("s3://")

    /// The bucket of an object, and its key there.
    ///
    /// - Throws: `damaged` for an object that names no bucket or no key.
    package func place(_ object: ByteString) throws(Fault) -> (client: S3Client, key: ByteString) {
        guard object.hasPrefix(Self.scheme) else { return (vault.client, vault.prefix + object) }
        let rest = object.bytes.dropFirst(Self.scheme.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), slash > rest.startIndex, slash + 1 < rest.endIndex
        else { throw Fault(.damaged, "the object '\(object)' names no bucket, or no key in it") }
        return (client(ofBucket: String(decoding: rest[..<slash], as: UTF8.self)), ByteString(rest[(slash + 1)...]))
    }

    /// The client of a bucket, with the vault's credentials.
    package func client(ofBucket bucket: String) -> S3Client {
        others.with { known in
            if let client = known[bucket] { return client }
            let client = vault.client.sibling(bucket: bucket)
            known[bucket] = client
            return client
        }
    }
}
