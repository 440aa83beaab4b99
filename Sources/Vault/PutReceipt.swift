package import Codec

/// That an object is in the vault, whole and safe, and how that is known.
package struct PutReceipt: Sendable, Equatable {
    package var key: ObjectKey
    /// Bytes.
    package var size: Int64
    package var sha256: Digest256
    package var evidence: Evidence

    package init(key: ObjectKey, size: Int64, sha256: Digest256, evidence: Evidence) {
        self.key = key
        self.size = size
        self.sha256 = sha256
        self.evidence = evidence
    }
}
