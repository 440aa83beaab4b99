import Codec
package import Ledger
package import Platform

/// Where the copies of a run lie in a vault.
///
/// `JOB/data/KEY` for content whose key was never held, `JOB/run/RUN/KEY` for all other content and for every log object:
/// so no copy replaces what an older manifest refers to. A key that has no room for that lies under its SHA-256 in
/// `JOB/long/RUN/`. Keys are bytes: what is unusual in them, such as a slash in front, stays as it is.
package struct DestinationKeys: Sendable {
    private let job: String
    private let run: String
    /// Bytes of the vault's prefix, with its slash.
    private let prefixLength: Int

    /// A key has no more bytes (S3 user guide, naming objects).
    package static let longest = 1_024

    /// - Parameters:
    ///   - job: its name.
    ///   - run: the run that copies.
    ///   - prefix: what all keys of the vault begin with: empty, or with a slash at its end.
    package init(job: String, run: CivilDate, prefix: ByteString) {
        self.job = job
        self.run = run.description
        prefixLength = prefix.count
    }

    /// What keys of content begin with.
    package var data: String { "\(job)/data/" }
    /// What keys of log objects begin with, and of content under a key that was held before.
    package var changed: String { "\(job)/run/\(run)/" }

    /// Whether a key is one of a Delta table's log, which every run copies.
    package static func isLog(_ key: ByteString) -> Bool {
        let mark = logMark
        if key.bytes.starts(with: mark.dropFirst()) { return true }
        return key.bytes.firstRange(of: mark) != nil
    }

    private static let logMark = Array("/_delta_log/".utf8)

    /// The key, below the vault's prefix, for an object that is taken.
    ///
    /// - Parameters:
    ///   - key: at the source.
    ///   - wasHeld: whether an object of this key was held before, whatever its content.
    /// - Returns: the `object` of its row in the manifest.
    package func object(for key: ByteString, wasHeld: Bool) -> ByteString {
        let isElsewhere = wasHeld || Self.isLog(key)
        let object = ByteString(isElsewhere ? changed : data) + key
        guard prefixLength + object.count > Self.longest else { return object }
        return ByteString("\(job)/long/\(run)/\(SHA256Hasher.digest(of: key.bytes))")
    }

    /// Whether a prefix of these and a key of so many bytes are a key.
    func fits(_ prefix: String, keyLength: Int) -> Bool {
        prefixLength + prefix.utf8.count + keyLength <= Self.longest
    }

    /// The key for other content than lies under `object` already.
    ///
    /// - Parameter generation: from 1, which is the key itself.
    package func generation(_ generation: Int, of object: ByteString) -> ByteString {
        guard generation > 1 else { return object }
        let next = object + ByteString(".g\(generation)")
        guard prefixLength + next.count > Self.longest else { return next }
        return ByteString("\(job)/long/\(run)/\(SHA256Hasher.digest(of: object.bytes)).g\(generation)")
    }
}
