package import Codec
import HTTP
package import Ledger
package import Platform

/// The manifests of S3 Batch Operations, format `S3BatchOperations_CSV_20180820` (S3 user guide, specifying a manifest):
/// `BUCKET,KEY` or `BUCKET,KEY,VERSION`, without a header line, keys percent-encoded.
///
/// A space is `%20` and a plus sign `%2B`: unlike in an inventory report, where a plus sign may be a space.
package enum BatchCSV {
    /// What a copy holds at the most: 5 GB, not 5 GiB (S3 API, CopyObject).
    package static let largestCopy: Int64 = 5_000_000_000

    /// What a job copies: to where it appends the key to a prefix.
    package enum Part: String, Sendable, Codable, CaseIterable {
        /// What lies below `data/` then.
        case data
        /// The log objects, below `run/RUN/`.
        case logs
    }

    /// The job of Batch Operations that can copy a row; nothing for one that only a request of its own can.
    ///
    /// - Parameters:
    ///   - row: one that the run has taken.
    ///   - keys: of the run.
    /// - Returns: nothing for objects over 5 GB, and for those whose copy has another name than prefix and key.
    package static func part(of row: Manifest.Row, _ keys: DestinationKeys) -> Part? {
        guard row.entry.size <= largestCopy else { return nil }
        let object = ByteString(row.object)
        let isLog = DestinationKeys.isLog(row.entry.key)
        let prefix = ByteString(isLog ? keys.changed : keys.data)
        guard object.count == prefix.count + row.entry.key.count, object.hasPrefix(prefix),
            object.bytes.dropFirst(prefix.count).elementsEqual(row.entry.key.bytes)
        else { return nil }
        return isLog ? .logs : .data
    }

    /// A line.
    ///
    /// - Parameters:
    ///   - bucket: the source.
    ///   - key: of the object.
    ///   - version: nothing where the manifest has no such column; empty for an object without one, which is written `null`.
    /// - Returns: the line with its end.
    package static func line(bucket: String, _ key: ByteString, version: String? = nil) -> String {
        let third = version.map { "," + PercentEncoding.encode($0.isEmpty ? "null" : $0) } ?? ""
        return "\(bucket),\(PercentEncoding.encode(key.bytes, keepingSlash: true))\(third)\n"
    }

    /// Writes a manifest as its rows come.
    package final class Writer {
        private let file: File
        private let bucket: String
        private let hasVersions: Bool
        private var buffer: [UInt8] = []
        private var hasher = SHA256Hasher()
        /// Rows and bytes written.
        package private(set) var count: Int64 = 0
        package private(set) var size: Int64 = 0

        /// - Parameters:
        ///   - file: empty.
        ///   - bucket: the source.
        ///   - hasVersions: whether rows name versions; all do or none does.
        package init(_ file: File, bucket: String, hasVersions: Bool = false) {
            self.file = file
            self.bucket = bucket
            self.hasVersions = hasVersions
        }

        package func write(_ entry: Entry) throws(Fault) { try write(key: entry.key, version: entry.version) }

        package func write(key: ByteString, version: String) throws(Fault) {
            buffer.append(contentsOf: line(bucket: bucket, key, version: hasVersions ? version : nil).utf8)
            count += 1
            if buffer.count >= 1 << 18 { try flush() }
        }

        /// Ends the manifest; the file is still to be committed.
        package func finish() throws(Fault) -> Digest256 {
            try flush()
            return hasher.finish()
        }

        private func flush() throws(Fault) {
            buffer.withUnsafeBytes { hasher.update($0) }
            size += Int64(buffer.count)
            try file.write(buffer)
            buffer.removeAll(keepingCapacity: true)
        }
    }
}
