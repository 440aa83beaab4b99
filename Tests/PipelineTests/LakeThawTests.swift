import AWS
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// A warehouse that comes back from Deep Archive.
    @Suite(.enabled(if: MotoServer.isInstalled, "\(MotoServer.reason)"))
    struct LakeThawTests {
        @Test(
            "What lies in Deep Archive is asked for once that is allowed, and each database comes when it is there",
            .timeLimit(.minutes(10)))
        func thaw() async throws {
            let lake = try await LakeWorld(
                on: .moto, vault: ["storage_class = \"DEEP_ARCHIVE\"", "thaw = { ask_bytes = \"10 B\" }"])
            let objects: [(ByteString, [UInt8])] = [
                ("hr/p/a", [1]), ("hr/p/_delta_log/00.json", [2]), ("sales/t/_delta_log/00.json", [3]),
                ("sales/t/a", Array(repeating: 4, count: 20)), ("sales/t/b", Array(repeating: 5, count: 20)),
            ]
            try await lake.fill(objects)
            try await lake.inventory("2026-03-02")
            for program in Program.allCases { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
            try await lake.delete(lake.source, objects.map { $0.0 })
            func restore(_ more: [String], status: Int32) async throws -> RunResult {
                try await lake.expect(.ship, ["restore", "lake", "--run", "2026-03-01"] + more, status: status)
            }
            func isAsked(_ key: ByteString) async throws -> Bool {
                try await onOwnThread { try lake.vault.head("v/lake/data/" + key)?.restore != nil }
            }
            func back() async throws -> [ByteString] { try await lake.objects(lake.source).keys.sorted() }

            let dry = try await restore(["--dry-run"], status: 0)
            #expect(dry.output.contains("DEEP_ARCHIVE 2") && dry.output.contains("3 objects of 41 B to thaw"), "\(dry)")
            let status = try await restore(["--status"], status: 75)
            #expect(status.output.contains("3 objects of 41 B to thaw, tier bulk"), "\(status)")
            let refused = try await restore(["--to", "source"], status: 64)
            #expect(refused.errors.contains("over the vault's limit of 10 B"), "\(refused)")
            #expect(
                try await restore(["--to", "source", "--tier", "expedited", "--yes"], status: 64).errors.contains(
                    "no tier"))
            for key: ByteString in ["hr/p/a", "sales/t/a"] { #expect(try await !isAsked(key), "\(key)") }
            #expect(try await back() == [])

            // Little of it needs no leave.
            _ = try await restore(["--host", "hr", "--request"], status: 0)
            #expect(try await isAsked("hr/p/a"))
            #expect(try await !isAsked("sales/t/a"))
            let first = try await restore(["--to", "source", "--yes"], status: 75)
            #expect(first.output.contains("2 thaw, 2 of them asked for now"), "\(first)")
            #expect(try await back() == ["hr/p/_delta_log/00.json", "hr/p/a"], "no log before its content")
            _ = try await restore(["--to", "source"], status: 0)
            #expect(try await back() == objects.map { $0.0 }.sorted())
            // What somebody has moved since was not told.
            try await lake.delete(lake.source, ["hr/p/_delta_log/00.json"])
            try await onOwnThread {
                let key: ByteString = "v/lake/run/2026-03-01/hr/p/_delta_log/00.json"
                var object = S3NewObject()
                object.storageClass = "DEEP_ARCHIVE"
                _ = try lake.vault.copy(
                    S3Client.CopySource(lake.vault.bucket, key), to: key, object, keepsMetadata: true
                ).get()
            }
            let moved = try await restore(["--to", "source"], status: 3)
            #expect(moved.errors.contains("is in DEEP_ARCHIVE, and the manifest says STANDARD"), "\(moved)")
            _ = try await restore(["--to", "source", "--yes"], status: 75)
            _ = try await restore(["--to", "source"], status: 0)
            #expect(try await back() == objects.map { $0.0 }.sorted())
            for (key, bytes) in objects {
                #expect(try await lake.objects(lake.source)[key]?.etag == LakeWorld.md5(bytes), "\(key)")
            }
        }
    }
}
