package import Codec
package import Platform

/// What a store says of an object without reading it.
package struct ObjectHead: Sendable, Equatable {
    /// Bytes.
    package var size: Int64
    /// When the object was written; it never changes after.
    package var modified: Timestamp
    /// The SHA-256 of the whole content, where the store itself computed and kept it.
    package var sha256: Digest256?
    /// The storage class in the store's own word, for example `DEEP_ARCHIVE`; empty where there are none.
    package var storageClass: String
    /// Whether its bytes can be read now; a listing does not tell, and says they can.
    package var readability: Readability

    package init(
        size: Int64, modified: Timestamp, sha256: Digest256? = nil, storageClass: String = "",
        readability: Readability = .readable
    ) {
        self.size = size
        self.modified = modified
        self.sha256 = sha256
        self.storageClass = storageClass
        self.readability = readability
    }
}
