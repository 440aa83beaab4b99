import Codec
package import Platform

/// Where the copies of a run lie: the `object` of a row in a manifest.
///
/// In a vault it is `JOB/data/KEY` for content whose key was never held, `JOB/run/RUN/KEY` for all other content and for
/// every log object: so no copy replaces what an older manifest refers to. A key that has no room for that lies under its
/// SHA-256 in `JOB/long/RUN/`. Objects of a full snapshot are named with their bucket, `s3://BUCKET/KEY`. Keys are bytes:
/// what is unusual in them, such as a slash in front, stays as it is.
package struct DestinationKeys: Sendable {
    /// What the objects of content begin with.
    package let data: String
    /// What log objects begin with, and content under a key that was held before.
    package let changed: String
    private let long: String
    /// Bytes of an object that are not of its key in the bucket, negative, or of the key that are not of the object.
    private let lengthening: Int

    /// A key has no more bytes (S3 user guide, naming objects).
    package static let longest = 1_024

    /// The copies of a run below a vault's prefix.
    ///
    /// - Parameters:
    ///   - job: its name.
    ///   - run: the run that copies.
    ///   - prefix: what all keys of the vault begin with: empty, or with a slash at its end.
    package init(job: String, run: CivilDate, prefix: ByteString) {
        data = "\(job)/data/"
        changed = "\(job)/run/\(run)/"
        long = "\(job)/long/\(run)/"
        lengthening = prefix.count
    }

    /// The copies in a bucket of their own, under the keys that they have at the source.
    package init(snapshot bucket: String) {
        data = "s3://\(bucket)/"
        changed = data
        long = data
        lengthening = -data.utf8.count
    }

    /// Whether a key is one of a Delta table's log, which every run copies.
    package static func isLog(_ key: ByteString) -> Bool {
        key.bytes.starts(with: logMark.dropFirst()) || key.bytes.firstRange(of: logMark) != nil
    }

    private static let logMark = Array("/_delta_log/".utf8)

    /// The object for one that is taken.
    ///
    /// - Parameters:
    ///   - key: at the source.
    ///   - wasHeld: whether an object of this key was held before, whatever its content.
    /// - Returns: the `object` of its row in the manifest.
    package func object(for key: ByteString, wasHeld: Bool) -> ByteString {
        let object = ByteString(wasHeld || Self.isLog(key) ? changed : data) + key
        return hasRoom(object) ? object : ByteString("\(long)\(SHA256Hasher.digest(of: key.bytes))")
    }

    /// The object for other content than lies under `object` already.
    ///
    /// - Parameters:
    ///   - generation: from 1, which is the object itself.
    ///   - object: as ``object(for:wasHeld:)`` gives it.
    /// - Returns: the same with `.gN` behind it.
    package func generation(_ generation: Int, of object: ByteString) -> ByteString {
        guard generation > 1 else { return object }
        let next = object + ByteString(".g\(generation)")
        return hasRoom(next)
            ? next : ByteString("\(long)\(SHA256Hasher.digest(of: object.bytes)).g\(generation)")
    }

    /// Whether one of the prefixes and a key of so many bytes are an object.
    func fits(_ prefix: String, keyLength: Int) -> Bool {
        prefix.utf8.count + keyLength + lengthening <= Self.longest
    }

    private func hasRoom(_ object: ByteString) -> Bool { object.count + lengthening <= Self.longest }
}
