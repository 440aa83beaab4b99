package import Codec
package import Ledger

/// What an object must hold: known before it is shipped, because its maker computed it while writing.
package struct ExpectedContent: Sendable, Equatable {
    /// Bytes.
    package var size: Int64
    /// The digest of the whole content.
    package var sha256: Digest256
    /// The cut into upload parts with the digest of each, for content that was made with one.
    package var parts: PartTable?

    package init(size: Int64, sha256: Digest256, parts: PartTable? = nil) {
        self.size = size
        self.sha256 = sha256
        self.parts = parts
    }
}
