import FoundationEssentials
import HTTP
import Platform

/// A line of a commit of a Delta table, as far as it says which files the table has (Delta transaction log protocol,
/// actions).
struct DeltaAction: Decodable {
    /// A file, and the deletion vector that hides some of its rows.
    struct File: Decodable {
        var path: String
        var deletionVector: DeletionVector?
    }

    struct DeletionVector: Decodable {
        /// `u`: a file named by its UUID, `p`: an absolute path, `i`: in the log itself.
        var storageType: String
        var pathOrInlineDv: String
        var offset: Int?
    }

    struct Sidecar: Decodable {
        var path: String
    }

    var add: File?
    var remove: File?
    var sidecar: Sidecar?

    static func read(_ line: ArraySlice<UInt8>) -> DeltaAction? {
        try? JSONDecoder().decode(DeltaAction.self, from: Data(line))
    }
}

/// `_last_checkpoint`: what its writer says of the newest checkpoint (Delta transaction log protocol, last checkpoint file).
struct DeltaHint: Decodable {
    struct Newer: Decodable {
        var sidecarFiles: [DeltaAction.Sidecar]?
    }

    var version: Int64
    /// Files in the list of the checkpoint.
    var numOfAddFiles: Int64?
    var v2Checkpoint: Newer?
}

/// `N.crc`: sums of a version (Delta transaction log protocol, version checksum file).
struct DeltaChecksum: Decodable {
    var numFiles: Int64
    /// All files of the version, where the writer lists them.
    var allFiles: [DeltaAction.File]?
}

extension DeltaAction.File {
    /// What tells this file, with this deletion vector, from the same file with another one.
    var identity: String {
        guard let vector = deletionVector else { return path }
        return "\(path)\n\(vector.storageType)\(vector.pathOrInlineDv)@\(vector.offset ?? 0)"
    }

    /// The keys that the file needs.
    ///
    /// - Parameters:
    ///   - root: of the table, with a slash at its end; empty for the bucket's own.
    ///   - bucket: the source.
    /// - Returns: nothing for a file that is not in the bucket.
    func keys(root: ByteString, bucket: String) -> [ByteString]? {
        guard let file = Self.key(path, root: root, bucket: bucket) else { return nil }
        guard let vector = deletionVector else { return [file] }
        switch vector.storageType {
        case "i": return [file]
        case "p": return Self.key(vector.pathOrInlineDv, root: root, bucket: bucket).map { [file, $0] }
        case "u":
            guard let name = DeletionVectorName.file(vector.pathOrInlineDv) else { return nil }
            return [file, root + ByteString(name)]
        default: return nil
        }
    }

    /// Paths are URIs (RFC 2396), relative to the table unless they have a scheme.
    static func key(_ path: String, root: ByteString, bucket: String) -> ByteString? {
        for scheme in ["s3://", "s3a://", "s3n://"] where path.hasPrefix(scheme) {
            let place = "\(scheme)\(bucket)/"
            guard path.hasPrefix(place) else { return nil }
            return PercentEncoding.decode(String(path.dropFirst(place.count))).map { ByteString(bytes: $0) }
        }
        guard !path.contains("://") else { return nil }
        return PercentEncoding.decode(path).map { root + ByteString(bytes: $0) }
    }
}

/// The names of files with deletion vectors.
enum DeletionVectorName {
    private static let digits = Array(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)

    /// The path of a file from what a log says of it: a directory, which may be none, and a UUID in Z85 (ZeroMQ RFC 32).
    static func file(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20 else { return nil }
        var id: [UInt8] = []
        for group in stride(from: bytes.count - 20, to: bytes.count, by: 5) {
            var value: UInt64 = 0
            for byte in bytes[group..<group + 5] {
                guard let digit = digits.firstIndex(of: byte) else { return nil }
                value = value * 85 + UInt64(digit)
            }
            guard value <= UInt64(UInt32.max) else { return nil }
            for shift in stride(from: 24, through: 0, by: -8) { id.append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
        let hex = id.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        let parts = [hex[0..<4], hex[4..<6], hex[6..<8], hex[8..<10], hex[10..<16]].map { $0.joined() }
        let directory = String(decoding: bytes.dropLast(20), as: UTF8.self)
        return (directory.isEmpty ? "" : directory + "/") + "deletion_vector_\(parts.joined(separator: "-")).bin"
    }
}
