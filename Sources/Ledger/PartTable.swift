package import Codec
package import Platform

/// How an archive is cut into upload parts, and the digest of each, fixed while it is written.
package struct PartTable: Sendable, Equatable {
    /// Bytes of every part but the last.
    package let partSize: Int64
    package var digests: [Digest256]

    package init(partSize: Int64, digests: [Digest256] = []) {
        self.partSize = partSize
        self.digests = digests
    }

    /// Parts of an upload, at the most (S3 user guide, multipart upload limits, as those of a part).
    package static let maximumParts: Int64 = 10_000
    private static let maximumPartSize: Int64 = 5 << 30
    /// Planned for; the rest is for what compression adds to content that does not shrink.
    private static let plannedParts: Int64 = 9_000

    /// The part size for a planned tar: 16 MiB, or a 9000th of it in whole MiB.
    ///
    /// A compressed archive is hardly ever larger than its tar.
    ///
    /// - Throws: `limit` for a tar that would take parts of more than 5 GiB.
    package static func partSize(forTar planned: Int64) throws(Fault) -> Int64 {
        guard planned <= plannedParts * maximumPartSize else {
            throw Fault(
                .limit,
                "about \(planned >> 30) GiB of tar, more than \(plannedParts) upload parts of 5 GiB hold",
                hint: "Make the job's 'archive' template split it, for example with {host} or {category}.")
        }
        let mebibyte: Int64 = 1 << 20
        let mebibytes = planned / (plannedParts * mebibyte) + (planned % (plannedParts * mebibyte) == 0 ? 0 : 1)
        return max(16, mebibytes) * mebibyte
    }
}
