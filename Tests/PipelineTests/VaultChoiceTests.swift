import AWS
import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// What a bucket's table says of when and beside which other vault it is written.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct VaultChoiceTests {
        private func settings(_ bucket: BucketWorld, _ lines: String) throws {
            try bucket.world.useBucket("\(bucket.bucket)/v", at: bucket.server.http, [lines])
        }

        private func run(_ bucket: BucketWorld, _ program: Program, _ arguments: [String], status: Int32 = 0)
            async throws -> RunResult
        {
            let result = try await TestSupport.run([program.path] + arguments, environment: bucket.environment)
            #expect(result.status == status && !result.isCrash, "\(program.rawValue) \(arguments): \(result)")
            return result
        }

        @Test("Outside of its window nothing is begun in a bucket, what is left is told, and later it goes on")
        func window() async throws {
            let bucket = try await BucketWorld()
            try await bucket.direct { try $0.createBucket(withObjectLock: false) }
            // Jobs without a time zone have UTC; an hour lies between the window and now.
            let hour = Int(Clock.system.now().seconds / 3_600 % 24)
            func face(_ ahead: Int) -> String { String((hour + ahead) % 24 + 100).suffix(2) + ":00" }
            try settings(bucket, "window = \"\(face(2))-\(face(4))\"")
            let closed = try await run(bucket, .ship, ["logs", "--run", Pipeline.run], status: 75)
            #expect(closed.output.contains(", 2 to be tried later, "), "\(closed)")
            #expect(
                closed.output.contains("to be tried later: acme/2025/11/19/web1, acme/2025/11/19/web2\n"), "\(closed)")
            #expect(closed.errors.contains("it is outside the window \(face(2))-\(face(4)) of bucket"), "\(closed)")
            #expect(closed.errors.contains("HINT: What has arrived is kept"), "\(closed)")
            let content = try await bucket.content()
            #expect(content.keys.isEmpty && content.uploads.isEmpty, "\(content)")
            let waiting = try await run(bucket, .ship, ["status", "logs"])
            #expect(waiting.output.contains("outside the window"), "\(waiting)")
            // A dry run looks at it whenever it likes.
            let shown = try await run(bucket, .ship, ["logs", "--dry-run"])
            #expect(shown.lines.count { $0.contains("would be shipped") } == 2, "\(shown)")

            try settings(bucket, "window = \"\(face(23))-\(face(3))\"")
            _ = try await run(bucket, .ship, ["logs", "--run", Pipeline.run])
            #expect(try await bucket.problems() == [])
        }

        @Test("With copies each vault has archives, manifests and records of its own, and each can be restored from")
        func copies() async throws {
            let bucket = try await BucketWorld()
            let world = bucket.world
            try await bucket.direct { try $0.createBucket(withObjectLock: false) }
            try settings(bucket, "[vault.disk]\nurl = \"file://\(world.vault)\"")
            // Two vaults and no choice: the line to add is told.
            let unclear = try await run(bucket, .ship, ["logs"], status: 78)
            #expect(unclear.errors.contains("there are several vaults: cold, disk"), "\(unclear)")
            #expect(unclear.errors.contains("copies = [\"cold\", \"disk\"]"), "\(unclear)")
            let job = ByteString("jobs.d/logs.toml")
            try TreeBuilder(world.root + "/etc").file(
                job, text: world.job.text(world.source) + "copies = [\"cold\", \"disk\"]\n")
            _ = try await run(bucket, .collect, ["init", "--local"])
            let shipped = try await run(bucket, .ship, ["logs", "--run", Pipeline.run, "--json"])
            #expect(shipped.output.contains("\"units\" : 6"), "\(shipped)")

            #expect(try await bucket.problems() == [])
            let records = world.runDirectory() + "/records/ship"
            for vault in ["cold", "disk"] {
                for unit in ["acme/2025/11/19/web1", "acme/2025/11/19/web2", "_manifest/web1", "_manifest/web2"] {
                    #expect(access("\(records)/\(vault)/\(unit).json", F_OK) == 0, "\(vault) \(unit)")
                }
                let place = "\(world.root)/back-\(vault)"
                _ = try await run(
                    bucket, .ship, ["restore", "logs", "--run", Pipeline.run, "--vault", vault, "--to", place])
                try await world.shell(
                    "cmp \"$1/acme/web1/big\" \"$2/web1/acme/big\" && cmp \"$1/acme/web2/other\" \"$2/web2/acme/other\"",
                    [place, world.source])
                _ = try await run(bucket, .ship, ["verify", "logs", "--vault", vault, "--sample", "100"])
            }
            // One of them is gone: the other has what it needs.
            try await world.shell("mv \"$1\" \"$1.away\"", [world.vault])
            _ = try await run(
                bucket, .ship, ["restore", "logs", "--run", Pipeline.run, "--to", world.root + "/back-again"])
        }
    }
}
