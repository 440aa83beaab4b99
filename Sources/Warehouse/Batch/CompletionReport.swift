package import AWS
import Crypto
import FoundationEssentials
package import Platform

/// What a completion report of S3 Batch Operations tells of a job's tasks.
package struct CompletionReport: Sendable {
    /// The keys of all tasks.
    package var told = KeySum()
    package var succeeded: Int64 = 0
    /// The tasks that failed.
    package private(set) var failed = KeyDigests()
    /// The first of them, and why.
    package private(set) var firstFailure: String?

    package init() {}

    /// More failures than this are not tried again one by one.
    package static let mostFailed = 1_000_000

    /// Counts further tasks as failed.
    mutating func fail(_ keys: KeyDigests) {
        failed.add(keys)
        failed.sort()
    }

    private struct Manifest: Decodable {
        struct Result: Decodable {
            var Key: String
            var Bucket: String?
            var TaskExecutionStatus: String?
            var MD5Checksum: String?
        }
        var Format: String?
        var Results: [Result]
    }

    /// Reads a report, result by result, and compares every result file with its digest.
    ///
    /// - Parameters:
    ///   - client: of the bucket of reports.
    ///   - prefix: what the job was told, without a slash at its end.
    ///   - job: its id.
    /// - Returns: what has become of the tasks.
    /// - Throws: `notFound` where there is no report, `damaged` for one that is not what it says.
    package static func read(_ client: S3Client, prefix: String, job: String) throws(Fault) -> CompletionReport {
        let manifest = try manifest(client, prefix: prefix, job: job)
        var report = CompletionReport()
        for result in manifest.Results {
            try Shutdown.check()
            try report.read(result, client)
        }
        report.failed.sort()
        return report
    }

    /// The user guide calls the file manifest.json, the API's pages report.json.
    private static func manifest(_ client: S3Client, prefix: String, job: String) throws(Fault) -> Manifest {
        let place = "\(prefix)/job-\(job)/"
        var key: ByteString?
        try client.list(prefix: ByteString(place)) { object in
            let name = object.key.components.last?.description ?? ""
            let depth = object.key.bytes.dropFirst(place.utf8.count).contains(UInt8(ascii: "/"))
            if !depth, name == "manifest.json" || name == "report.json" { key = object.key }
        }
        guard let key else {
            throw Fault(
                .notFound, "\(client.name(ByteString(place))): the job has left no completion report",
                hint: "The role of the job must be allowed to write there (s3:PutObject).")
        }
        var bytes: [UInt8] = []
        try client.get(key, 0..<(16 << 20)) { bytes.append(contentsOf: $0) }
        do { return try JSONDecoder().decode(Manifest.self, from: Data(bytes)) } catch {
            throw Fault(.damaged, "\(client.name(key)): is no completion report")
        }
    }

    private mutating func read(_ result: Manifest.Result, _ client: S3Client) throws(Fault) {
        let key = ByteString(result.Key)
        guard let info = try client.head(key) else {
            throw Fault(.damaged, "\(client.name(key)): the report names it, and it is not there")
        }
        let stream = HashedObject(client, key, info)
        let rows = ReportRows(stream)
        while let row = try rows.next() {
            told.add(row.key)
            if row.isSucceeded {
                succeeded += 1
                continue
            }
            let why = [row.errorCode, row.httpStatus, row.message].filter { !$0.isEmpty }.joined(separator: " ")
            failed.add(row.key)
            firstFailure = firstFailure ?? "'\(row.key)': \(why)"
            guard failed.count <= Self.mostFailed else {
                throw Fault(
                    .limit,
                    "\(client.name(key)): more than \(Self.mostFailed) tasks have failed, as '\(row.key)': \(why)",
                    hint: "See the report for what is wrong, and run the same command again.")
            }
        }
        if let wanted = result.MD5Checksum, wanted.lowercased() != stream.digest {
            throw Fault(.damaged, "\(client.name(key)): has not the MD5 digest that its report names")
        }
    }
}

/// An object that is read from its beginning to its end, with its MD5.
private final class HashedObject: ByteStream {
    private let client: S3Client
    private let key: ByteString
    private let info: S3ObjectInfo
    private var offset: Int64 = 0
    private var hasher = Insecure.MD5()

    init(_ client: S3Client, _ key: ByteString, _ info: S3ObjectInfo) {
        self.client = client
        self.key = key
        self.info = info
    }

    var name: String { client.name(key) }
    var digest: String { InventoryReport.hex(hasher.finalize()) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        let wanted = min(Int64(buffer.count), info.size - offset)
        guard wanted > 0 else { return 0 }
        var done = 0
        try client.get(key, offset..<offset + wanted, etag: info.etag) { bytes in
            UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyMemory(from: bytes)
            done += bytes.count
        }
        hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<done]))
        offset += Int64(done)
        return done
    }
}
