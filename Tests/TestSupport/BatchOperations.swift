import FoundationEssentials
package import Platform

/// What S3 Batch Operations does with a copy job, on a store that tests have: it copies what a list names, and writes a
/// completion report in the form of the service.
package struct BatchOperations: Sendable {
    /// The bytes of an object, and its ETag.
    package let read: @Sendable (_ bucket: String, _ key: ByteString) throws -> (bytes: [UInt8], etag: String)
    package let write: @Sendable (_ bucket: String, _ key: ByteString, _ bytes: [UInt8]) throws -> Void
    /// Copies an object; gives status and code of an error.
    package let copy:
        @Sendable (
            _ from: (bucket: String, key: ByteString), _ to: (bucket: String, key: ByteString), S3ControlServer.Job
        )
            throws -> (status: Int, code: String)?
    /// 32 hexadecimal digits.
    package let md5: @Sendable ([UInt8]) -> String

    package init(
        read: @escaping @Sendable (String, ByteString) throws -> (bytes: [UInt8], etag: String),
        write: @escaping @Sendable (String, ByteString, [UInt8]) throws -> Void,
        copy:
            @escaping @Sendable (
                (bucket: String, key: ByteString), (bucket: String, key: ByteString), S3ControlServer.Job
            )
            throws -> (status: Int, code: String)?,
        md5: @escaping @Sendable ([UInt8]) -> String
    ) {
        self.read = read
        self.write = write
        self.copy = copy
        self.md5 = md5
    }

    /// Does a job.
    ///
    /// - Parameters:
    ///   - job: as it was asked for.
    ///   - failing: keys whose tasks fail by themselves.
    /// - Returns: how it ended.
    /// - Throws: what keeps the job from being begun.
    package func perform(_ job: S3ControlServer.Job, failing: Set<ByteString> = []) throws -> S3ControlServer.End {
        let list = Self.place(job.text("ObjectArn"))
        let manifest = try read(list.bucket, list.key)
        guard manifest.etag == job.text("ETag") else { return .init(state: "Failed", succeeded: 0, failed: 0) }
        let isInventory = job.body.contains("<Format>S3InventoryReport_CSV_20161130</Format>")
        let lines = isInventory ? try rows(ofInventory: manifest.bytes, list.bucket) : Self.lines(manifest.bytes)
        let target = Self.place(job.text("TargetResource")).bucket
        let prefix = job.text("TargetKeyPrefix")
        var rows = ""
        var (succeeded, failed) = (0, 0)
        for fields in lines {
            let key = PathEscape.unescape(fields[1]) ?? ByteString(fields[1])
            let place = prefix.isEmpty ? key : ByteString(prefix + "/") + key
            var error: (status: Int, code: String)? = failing.contains(key) ? (500, "InternalError") : nil
            if error == nil { error = try copy((fields[0], key), (target, place), job) }
            if let error {
                // As the user guide's example has it: the status before the code.
                rows += "\(fields[0]),\(fields[1]),,failed,\(error.status),\(error.code),\"We failed, \"\"sorry\"\"\"\n"
                failed += 1
            } else {
                rows += "\(fields[0]),\(fields[1]),,succeeded,200,,Successful\n"
                succeeded += 1
            }
        }
        let reports = Self.place(job.text("Bucket")).bucket
        let directory = "\(job.text("Prefix"))/job-\(job.id)"
        let results = "\(directory)/results/0.csv"
        let document = """
            {"Format":"Report_CSV_20180820","Results":[{"TaskExecutionStatus":"succeeded","Bucket":"\(reports)",\
            "MD5Checksum":"\(md5(Array(rows.utf8)))","Key":"\(results)"}],\
            "ReportSchema":"Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"}
            """
        try write(reports, ByteString(results), Array(rows.utf8))
        try write(reports, ByteString("\(directory)/manifest.json"), Array(document.utf8))
        return .init(succeeded: succeeded, failed: failed)
    }

    /// Bucket and percent-encoded key of each line.
    private static func lines(_ bytes: [UInt8]) -> [[String]] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    }

    /// The same of an inventory, of which every file is read; keys in it are encoded as forms are.
    private func rows(ofInventory manifest: [UInt8], _ bucket: String) throws -> [[String]] {
        struct Manifest: Decodable {
            struct File: Decodable { var key: String }
            var files: [File]
        }
        var rows: [[String]] = []
        for file in try JSONDecoder().decode(Manifest.self, from: Data(manifest)).files {
            let text = try runBlocking(["gzip", "-dc"], stdin: try read(bucket, ByteString(file.key)).bytes)
            for line in Self.lines(text.stdout) {
                rows.append(line.map { $0.replacing("\"", with: "") })
                rows[rows.count - 1][1] = rows[rows.count - 1][1].replacing("+", with: "%20")
            }
        }
        return rows
    }

    private static func place(_ arn: String) -> (bucket: String, key: ByteString) {
        let parts = arn.dropFirst("arn:aws:s3:::".count).split(separator: "/", maxSplits: 1)
        return (String(parts.first ?? ""), ByteString(parts.count > 1 ? String(parts[1]) : ""))
    }
}
