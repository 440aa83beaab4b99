import AWS
import Codec
import Crypto
import Glibc
import HTTP
import Ledger
import Platform
import TestSupport
import Testing
import Vault

@testable import Warehouse

/// Jobs of S3 Batch Operations: the service is played, the copies are real.
@Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
struct BatchCopyTests {
    /// The service, on the gateway of the tests.
    private static func service(_ lake: LakeBuckets) -> BatchOperations {
        BatchOperations { bucket, key in
            let client = lake.source.sibling(bucket: bucket)
            return (try lake.content(client, key), try client.head(key)?.etag ?? "")
        } write: { bucket, key, bytes in
            _ = try lake.source.sibling(bucket: bucket).put(
                key, .bytes(bytes), digest: SHA256Hasher.digest(of: bytes), S3NewObject(), sendsChecksum: false
            ).get()
        } copy: { from, to, job in
            var object = S3NewObject()
            object.storageClass = job.text("StorageClass")
            object.tags = [job.text("Key"): job.text("Value")]
            let source = S3Client.CopySource(from.bucket, from.key)
            let client = lake.source.sibling(bucket: to.bucket)
            guard case .failure(let error) = try client.copy(source, to: to.key, object, keepsMetadata: true) else {
                return nil
            }
            return (error.status, error.code)
        } md5: { bytes in
            Insecure.MD5.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }

    private static let pace = Pace(now: { 0 }, sleep: { _ throws(Fault) in }, random: { 0 })

    /// A list in the vault, and the job that copies it.
    private func job(_ lake: LakeBuckets, _ keys: [ByteString]) throws -> (BatchCopyJob, Digest256, KeySum) {
        let text = keys.map { BatchCSV.line(bucket: lake.source.bucket, $0) }.joined()
        try lake.putTarget("v/lake/_batch/list.csv", Array(text.utf8))
        let etag = try #require(try lake.target.head("v/lake/_batch/list.csv")).etag
        var job = BatchCopyJob(
            token: "", description: "a test", roleARN: "arn:aws:iam::222222222222:role/batch", manifestFormat: .csv,
            manifestARN: "arn:aws:s3:::\(lake.target.bucket)/v/lake/_batch/list.csv", manifestETag: etag,
            reportBucketARN: "arn:aws:s3:::\(lake.target.bucket)", reportPrefix: "v/lake/_batch/r",
            targetARN: "arn:aws:s3:::\(lake.target.bucket)", targetPrefix: "v/lake/data")
        job.storageClass = "GLACIER"
        job.tags = ["coldchain-job": "lake"]
        var sum = KeySum()
        for key in keys { sum.add(key) }
        return (job, SHA256Hasher.digest(of: Array(text.utf8)), sum)
    }

    private static let keys: [ByteString] = ["d/a b", "d/+%2B", "d/é,\"x\"", "d//y", "d/line\nfeed", "d/plain"]

    @Test(.timeLimit(.minutes(5)), .enabled(if: access(Repository.python, X_OK) == 0, "needs make deps-test"))
    func `a job copies what its list says, once, and what both sides say is what the service's model has`() async throws
    {
        try await onOwnThread {
            let lake = try LakeBuckets()
            for key in Self.keys { try lake.put(key, key.bytes) }
            let server = try S3ControlServer(first: "Suspended") {
                try Self.service(lake).perform($0, failing: ["d/plain"])
            }
            let control = try lake.target.control(account: "222222222222", endpoint: server.url)
            let (job, digest, sum) = try job(lake, Self.keys + ["d/gone"])
            try withTemporaryDirectory { path in
                let directory = try Directory.open(path)
                func run() throws -> CompletionReport {
                    try BatchCopy(control, reports: lake.target, state: "s.json", in: directory, pace: Self.pace)
                        .run(job, digest: digest, expecting: sum)
                }
                let report = try run()
                #expect(report.succeeded == 5)
                #expect(report.failed.count == 2)
                #expect(report.failed.contains("d/gone") && report.failed.contains("d/plain"))
                #expect(!report.failed.contains("d//y"))
                #expect(report.firstFailure == "'d/plain': InternalError 500 We failed, \"sorry\"")
                for key in Self.keys where key != "d/plain" {
                    #expect(try lake.content(lake.target, "v/lake/data/" + key) == key.bytes, "\(key)")
                }
                #expect(try run().succeeded == 5)
                // A process that was killed before it could note the job finds it by its token.
                try directory.remove("s.json")
                #expect(try run().succeeded == 5)
                #expect(server.jobs.count == 1)
                #expect(server.count("CreateJob") == 2)
                #expect(server.count("UpdateJobStatus") == 1)
            }
            let verdict = try server.validate()
            #expect(verdict.output.hasPrefix("ok "), "\(verdict)")
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a token asks for the same lock again, and other wishes make another job`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            try lake.put("d/a", [1])
            let server = try S3ControlServer { try Self.service(lake).perform($0) }
            let control = try lake.target.control(account: "222222222222", endpoint: server.url)
            let (plain, digest, sum) = try job(lake, ["d/a"])
            try withTemporaryDirectory { path in
                let directory = try Directory.open(path)
                func run(_ job: BatchCopyJob) throws {
                    _ = try BatchCopy(control, reports: lake.target, state: "s.json", in: directory, pace: Self.pace)
                        .run(job, digest: digest, expecting: sum)
                }
                /// As a kill leaves it between the request and its answer.
                func forget() throws {
                    let text = String(decoding: try directory.readFile("s.json"), as: UTF8.self)
                    let kept = text.split(separator: "\n").filter { !$0.contains("\"job\"") }.joined(separator: "\n")
                    try directory.remove("s.json")
                    try PendingFile.write(Array(kept.utf8), to: "s.json", in: directory)
                }
                var locked = plain
                locked.lock = .init(mode: "GOVERNANCE", until: Timestamp(seconds: 1_900_000_000))
                try run(locked)
                try forget()
                locked.lock?.until = Timestamp(seconds: 1_900_000_100)
                try run(locked)
                #expect(server.jobs.count == 1 && server.count("CreateJob") == 2)
                try forget()
                locked.storageClass = "STANDARD"
                try run(locked)
                #expect(server.jobs.count == 2)
                #expect(
                    server.jobs.map { $0.text("ObjectLockRetainUntilDate") }.count { $0 == "2030-03-17T17:46:40Z" } == 2
                )
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a job gets no place that is taken, and what it copied of other content is not held`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            var rows: [Manifest.Row] = []
            for key: ByteString in ["d/_delta_log/0.json", "d/a b", "d/changed", "d/fine", "d/gone", "d/taken"] {
                rows.append(lake.row(key, size: 1, etag: try lake.put(key, [1])))
            }
            // In parts, as most content of tables is: its copy has another ETag.
            rows[3].entry.etag = "0123456789abcdef0123456789abcdef-2"
            try lake.putTarget("v/lake/data/d/taken", [9])
            let plan = try lake.manifest(rows)
            try withTemporaryDirectory { path in
                let directory = try Directory.open(path)
                let open = { () throws(Fault) in try ManifestReader(plan) }
                var tasks = BatchTasks(.data, lake.keys, run: lake.run)
                try tasks.findOccupied("o", in: directory, lake.places, open)
                #expect(tasks.occupied.count == 1)
                #expect(rows.map { tasks.includes($0) } == [false, true, true, true, true, false])
                var again = BatchTasks(.data, lake.keys, run: lake.run)
                try again.readOccupied("o", in: directory)
                #expect(rows.map { again.includes($0) } == rows.map { tasks.includes($0) })
                // What a job did: one object had other content by then, one was not copied though it is reported.
                for key: ByteString in ["d/a b", "d/fine"] { try lake.putTarget("v/lake/data/" + key, [1]) }
                try lake.put("d/changed", [2])
                try lake.putTarget("v/lake/data/d/changed", [2])
                var outcome = BatchOutcome(tasks, CompletionReport())
                try outcome.prove(lake.source, lake.places, open)
                #expect(rows.map { outcome.holds($0) } == [false, true, false, false, false, false])
                #expect(outcome.unproved == 3, "d/fine has not the ETag of the plan at the source either")
                // The source has it still.
                rows[3].entry.etag = try #require(try lake.source.head("d/fine")).etag
                let right = try lake.manifest(rows)
                outcome = BatchOutcome(tasks, CompletionReport())
                try outcome.prove(lake.source, lake.places) { () throws(Fault) in try ManifestReader(right) }
                #expect(rows.map { outcome.holds($0) } == [false, true, false, true, false, false])
                var logs = BatchTasks(.logs, lake.keys, run: lake.run)
                try logs.findOccupied("l", in: directory, lake.places, open)
                #expect(logs.occupied.count == 0 && logs.includes(rows[0]))
                // A copy with another ETag is proved by the source, log by log.
                try lake.putTarget("v/lake/run/2026-11-20/d/_delta_log/0.json", [7])
                outcome = BatchOutcome(logs, CompletionReport())
                try outcome.prove(lake.source, lake.places, open)
                #expect(outcome.holds(rows[0]))
                try lake.put("d/_delta_log/0.json", [8])
                outcome = BatchOutcome(logs, CompletionReport())
                try outcome.prove(lake.source, lake.places, open)
                #expect(!outcome.holds(rows[0]))
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a report that leaves tasks out, or is damaged, proves nothing, and a failed job is made anew`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            try lake.put("d/a", [1])
            let server = try S3ControlServer { job in
                if job.id.hasSuffix("1") { return .init(state: "Failed", succeeded: 0, failed: 1) }
                return try Self.service(lake).perform(job)
            }
            let control = try lake.target.control(account: "222222222222", endpoint: server.url)
            let (job, digest, sum) = try job(lake, ["d/a"])
            try withTemporaryDirectory { path in
                let directory = try Directory.open(path)
                func run(_ expected: KeySum?) throws -> CompletionReport {
                    try BatchCopy(control, reports: lake.target, state: "s.json", in: directory, pace: Self.pace)
                        .run(job, digest: digest, expecting: expected)
                }
                try expectFault(.incomplete, "more than half") { _ = try run(sum) }
                #expect(try run(sum).succeeded == 1)
                #expect(server.jobs.count == 2)
                try lake.putTarget(
                    ByteString("v/lake/_batch/r/job-\(server.jobs[1].id)/results/0.csv"),
                    Array("b,d/a,,succeeded,200,,changed\n".utf8))
                try expectFault(.damaged, "has not the MD5 digest") { _ = try run(sum) }
                // Nothing becomes of such a job any more.
                #expect(try run(sum).succeeded == 1)
                #expect(server.jobs.count == 3)
                var more = sum
                more.add("d/b")
                try expectFault(.damaged, "tells 1 tasks, and not the 2") { _ = try run(more) }
                #expect(try run(sum).succeeded == 1)
                #expect(server.jobs.count == 4)
            }
        }
    }
}
