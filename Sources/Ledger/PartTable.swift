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

    /// The part size for a planned tar: 16 MiB, or a 9000th of it in whole MiB, and never more than 5 GiB.
    ///
    /// S3 takes 10,000 parts of 5 MiB to 5 GiB (S3 user guide, multipart upload limits), and a compressed archive is
    /// hardly ever larger than its tar.
    package static func partSize(forTar planned: Int64) -> Int64 {
        let mebibyte: Int64 = 1 << 20
        let mebibytes = planned / (9_000 * mebibyte) + (planned % (9_000 * mebibyte) == 0 ? 0 : 1)
        return min(max(16, mebibytes), 5 << 10) * mebibyte
    }
}
