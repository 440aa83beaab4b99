package import Codec
package import Platform

/// What was looked at in an archive, and what is wrong with it.
package struct VerifyReport: Sendable, Equatable {
    /// What an archive was compared with.
    package enum Proof: String, Sendable {
        /// The index beside it.
        case index
        /// The list of digests that is its last entry.
        case digestList = "digest-list"
        /// Nothing but itself: checksums of the compression, and the structure of the tar.
        case structure
    }

    /// Something that is wrong.
    package struct Finding: Sendable, Equatable, CustomStringConvertible {
        /// What is wrong and where.
        package var message: String
        /// The member, counted from 0, and its bytes; of a part its bytes alone.
        package var member: Int?
        package var offset: Int64?
        package var length: Int64?
        /// The first of the entries that lie there, and how many there are.
        package var entry: ByteString?
        package var entries: Int64 = 0

        init(_ message: String) { self.message = message }

        mutating func add(_ entry: ByteString) {
            if entries == 0 { self.entry = entry }
            entries += 1
        }

        package var description: String {
            guard let entry else { return message }
            return "\(message); there lies '\(entry)'\(entries > 1 ? " and \(entries - 1) more entries" : "")"
        }
    }

    /// What is wrong with a thoroughly rotten archive fills no memory.
    static let mostFindings = 1_000

    package var entries: Int64 = 0
    package var files: Int64 = 0
    package var contentBytes: Int64 = 0
    package var members: Int64 = 0
    /// Upload parts whose digests were compared.
    package var parts: Int64 = 0
    /// The digest of the whole; all zeros where it was not computed.
    package var sha256 = Digest256.zero
    package var proof = Proof.structure
    package var format = ArchiveFormat.gzip
    /// The library that inflated.
    package var provedBy = MemberLibrary.zlib
    /// What is wrong, at most a thousand things; nothing in a good archive.
    package var findings: [Finding] = []
    /// Where only a sample was looked at: how it was drawn.
    package var sample: Sample?

    /// A sample of the members.
    package struct Sample: Sendable, Equatable {
        package var seed: UInt64
        /// Members that were inflated.
        package var members: Int64 = 0
    }
}
