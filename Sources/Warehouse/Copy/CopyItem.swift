package import Platform

/// An object that is to be copied from bucket to bucket.
package struct CopyItem: Sendable, Equatable {
    /// At the source.
    package var key: ByteString
    /// Bytes.
    package var size: Int64
    /// What the object must still be, without quotes; empty for whatever it is.
    package var etag: String
    /// The version that is wanted; empty for the newest one.
    package var version: String
    /// Of the copy; empty for the bucket's default.
    package var storageClass: String

    package init(key: ByteString, size: Int64, etag: String, version: String = "", storageClass: String = "") {
        self.key = key
        self.size = size
        self.etag = etag
        self.version = version
        self.storageClass = storageClass
    }
}

/// What became of one.
package enum CopyOutcome: Sendable, Equatable {
    /// The copy is there and proved; its ETag.
    case copied(etag: String)
    /// The same content was there already.
    case adopted(etag: String)
    /// Other content lies under the key, and stays there.
    case taken
    /// The source says clearly that it has no such object any more.
    case vanished
    /// The object lies in an archive class and must be restored before anybody can copy it.
    case archived
    /// The object is another one than was asked for.
    case changed
}
