package import Codec

/// How an archive is cut into upload parts, and the digest of each, fixed while it is written.
package struct PartTable: Sendable, Equatable {
    /// Bytes of every part but the last.
    package let partSize: Int64
    package var digests: [Digest256]

    package init(partSize: Int64, digests: [Digest256] = []) {
        self.partSize = partSize
        self.digests = digests
    }

    /// The part size for a planned tar: 16 MiB, or a 9000th of it in whole MiB. S3 takes 10,000 parts of 5 MiB to 5 GiB
    /// (S3 user guide, multipart upload limits), and a compressed archive is hardly ever larger than its tar.
    package static func partSize(forTar planned: Int64) -> Int64 {
        let mebibyte: Int64 = 1 << 20
        let ninth = (planned + 8_999) / 9_000
        return max(16 * mebibyte, (ninth + mebibyte - 1) / mebibyte * mebibyte)
    }
}
