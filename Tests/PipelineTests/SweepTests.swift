import AWS
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// `ship sweep` on uploads that were really left in Ceph's gateway, a week later by its own clock.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct SweepTests {
        private static let week = 8 * 86_400

        /// What makes a program's clock fast.
        private static func later(_ seconds: Int = week) async throws -> [String: String?] {
            ["LD_PRELOAD": try await FaultLibrary.shared.path(), "COLDCHAIN_FAULT_AHEAD": "\(seconds)"]
        }

        private static func run(
            _ arguments: [String], _ environment: [String: String?], status: Int32 = 0
        ) async throws -> RunResult {
            let result = try await TestSupport.run([Program.ship.path] + arguments, environment: environment)
            #expect(result.status == status && !result.isCrash, "\(arguments): \(result)")
            return result
        }

        private static func open(_ client: S3Client) throws -> [String] {
            var found: [String] = []
            try client.uploads(prefix: "") { found.append($0.key.description) }
            return found.sorted()
        }

        private static func begin(_ client: S3Client, _ key: String) throws -> String {
            try client.createUpload(ByteString(key), S3NewObject(), sendsChecksums: false)
        }

        @Test("Our own uploads that nobody goes on with are aborted, and no other")
        func archives() async throws {
            let bucket = try await BucketWorld()
            try await bucket.direct { try $0.createBucket(withObjectLock: false) }
            // Killed in the middle of its upload.
            let journal = "\(bucket.world.runDirectory())/records/ship/cold/acme/2025/11/19/web1.upload.jsonl"
            let injection = Injection(calls: ["fdatasync", "fsync"], when: 2, action: .kill, below: journal)
            let killed = try await bucket.ship(injection)
            #expect(killed.ending == .signalled(9), "\(killed)")
            // One that staging knows nothing of, and one that somebody else has under the same prefix.
            try await bucket.direct { client in
                _ = try Self.begin(client, "v/logs/globex/2025/11/18/web9.tar.gz")
                _ = try Self.begin(client, "v/logs/notes.zip")
                _ = try Self.begin(client, "elsewhere/logs/acme/web1.tar.gz")
            }
            let environment = bucket.environment
            let young = try await Self.run(["sweep", "logs"], environment)
            #expect(young.output.contains("goes on with it") && young.output.contains("is too young"), "\(young)")
            #expect(!young.output.contains("aborted") && !young.output.contains("elsewhere"), "\(young)")

            let aged = environment.merging(try await Self.later()) { $1 }
            let shown = try await Self.run(["sweep", "logs", "--dry-run"], aged)
            #expect(shown.lines.count { $0.contains("would be aborted") } == 2, "\(shown)")
            #expect(try await bucket.direct(Self.open).count == 4)
            let swept = try await Self.run(["sweep", "logs"], aged)
            #expect(swept.output.contains("nobody went on with it"), "\(swept)")
            #expect(swept.output.contains("staging knows nothing of it"), "\(swept)")
            #expect(swept.output.contains("is no upload of this job"), "\(swept)")
            #expect(try await bucket.direct(Self.open) == ["elsewhere/logs/acme/web1.tar.gz", "v/logs/notes.zip"])

            // The next night begins anew, and is whole.
            let again = try await bucket.ship()
            #expect(again.status == 0, "\(again)")
            #expect(try await bucket.direct(Self.open).count == 2)
        }

        @Test("Copies in parts of a warehouse are swept like uploads of archives")
        func copies() async throws {
            let lake = try await LakeWorld()
            try await lake.fill([("db/t/a.parquet", [1])])
            try await lake.inventory("2026-03-02")
            for program in [Program.collect, .pack] { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
            // As a kill leaves them: the object is larger than what one request copies.
            let known = try await onOwnThread {
                _ = try Self.begin(lake.vault, "v/lake/run/2026-02-01/db/t/lost.parquet")
                _ = try Self.begin(lake.vault, "v/lake/_ledger/other")
                return try Self.begin(lake.vault, "v/lake/data/db/t/large.parquet")
            }
            let records = lake.world.staging + "/lake/2026-03-01/records/ship/cold"
            try TreeBuilder(records).file(
                "db.uploads.jsonl",
                text: """

                    {"etag":"e","key":"v/lake/data/db/t/large.parquet","partSize":536870912,"source":"s3://x/y","upload":"\(known)"}

                    """)
            let young = try await Self.run(["sweep", "lake"], lake.environment)
            #expect(young.output.contains("the next 'ship lake' goes on with it"), "\(young)")
            #expect(try await onOwnThread { try Self.open(lake.vault) }.count == 3)
            let aged = lake.environment.merging(try await Self.later()) { $1 }
            let swept = try await Self.run(["sweep", "lake"], aged)
            #expect(swept.lines.count { $0.contains(" aborted ") } == 2, "\(swept)")
            #expect(try await onOwnThread { try Self.open(lake.vault) } == ["v/lake/_ledger/other"])
            // What the journal names and the store no longer knows keeps nothing from being copied.
            try await lake.expect(.ship, ["lake", "--run", "2026-03-01"])
        }
    }
}
