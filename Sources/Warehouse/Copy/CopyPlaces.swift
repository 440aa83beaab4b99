package import AWS
package import Platform
package import Vault

/// Where the objects of manifests are: in the vault, or in the bucket of a snapshot.
package struct CopyPlaces: Sendable {
    package let vault: S3Store

    package init(_ vault: S3Store) { self.vault = vault }

    private static let scheme = "s3://"

    /// The bucket of an object, and its key there.
    ///
    /// - Throws: `damaged` for an object that names no bucket or no key.
    package func place(_ object: ByteString) throws(Fault) -> (client: S3Client, key: ByteString) {
        guard object.hasPrefix(ByteString(Self.scheme)) else { return (vault.client, vault.prefix + object) }
        let rest = object.bytes.dropFirst(Self.scheme.utf8.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), slash > rest.startIndex, slash + 1 < rest.endIndex
        else { throw Fault(.damaged, "the object '\(object)' names no bucket, or no key in it") }
        let bucket = String(decoding: rest[..<slash], as: UTF8.self)
        let key = ByteString(rest[(slash + 1)...])
        return (vault.client.sibling(bucket: bucket), key)
    }
}
