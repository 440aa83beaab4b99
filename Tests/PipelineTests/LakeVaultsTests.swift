import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Testing

extension ServerTests {
    /// A warehouse with two vaults of different histories: what a manifest names is so in its own vault.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct LakeVaultsTests {
        /// A row of a manifest: its run, and where its bytes are.
        private struct Row: Equatable {
            var run: String
            var object: String
        }

        /// The rows of the newest manifest of a run, each proved by its ETag: all objects are small and not encrypted.
        private func rows(_ lake: LakeWorld, _ prefix: String, _ day: Int) async throws -> [String: Row] {
            let place = ByteString("\(prefix)/lake/_ledger/2026-03-0\(day)/db.manifest.")
            let names = try await lake.objects(lake.vault, place).keys.filter { $0.description.hasSuffix(".tsv.gz") }
            guard let name = names.max() else { return [:] }
            let bytes = try await onOwnThread {
                var bytes: [UInt8] = []
                try lake.vault.get(name, 0..<(1 << 20)) { bytes.append(contentsOf: $0) }
                return bytes
            }
            let text = try await onOwnThread { try runBlocking(["zcat"], stdin: bytes).output }
            let there = try await lake.objects(lake.vault, ByteString("\(prefix)/lake/"))
            var rows: [String: Row] = [:]
            for line in text.split(separator: "\n").dropFirst() {
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
                #expect(fields[17] == "", "\(line)")
                let copy = there[ByteString("\(prefix)/\(fields[13])")]
                #expect("etag:" + (copy?.etag ?? "") == fields[9], "\(prefix) \(name): \(line)")
                rows[fields[0]] = Row(run: fields[12], object: fields[13])
            }
            return rows
        }

        private func collectAndPack(_ lake: LakeWorld, _ day: Int) async throws {
            try await lake.inventory("2026-03-0\(day + 1)")
            for program in [Program.collect, .pack] {
                try await lake.expect(program, ["lake", "--run", "2026-03-0\(day)"])
            }
        }

        private func sed(_ lake: LakeWorld, _ script: String, _ file: String) async throws {
            try await lake.world.shell("sed -i \"$1\" \"$2\"", [script, lake.world.root + "/etc/" + file])
        }

        /// A job with the vault `cold`, and a vault `other` in the same bucket that it does not have yet.
        private func lake() async throws -> LakeWorld {
            let lake = try await LakeWorld(["vault = \"cold\"", "log_class = \"STANDARD\""])
            try await lake.world.shell(
                """
                endpoint=$(grep '^endpoint' "$2")
                printf '%s\\n' '[vault.other]' "url = \\"$1\\"" "$endpoint" 'storage_class = "STANDARD"' >> "$2"
                """, ["s3://\(lake.vault.bucket)/o", lake.world.root + "/etc/coldchain.toml"])
            try await lake.fill([
                ("db/t/x", [1]), ("db/t/y", [2]), ("db/t/z", [3]), ("db/t/_delta_log/00.json", [4]),
            ])
            return lake
        }

        @Test(
            "A vault that was added later gets what it lacks, and each vault's manifests name what it has",
            .timeLimit(.minutes(10)))
        func histories() async throws {
            let lake = try await lake()
            try await collectAndPack(lake, 1)
            try await lake.expect(.ship, ["lake"])
            #expect(try await rows(lake, "v", 1).count == 4)

            // Something of the same size lies where the copies would go, in each vault under other keys.
            try await onOwnThread {
                for key in [
                    "o/lake/data/db/t/x", "v/lake/data/db/t/v", "o/lake/data/db/t/v.g2", "o/lake/data/db/t/y.g2",
                ] { try lake.put(lake.vault, ByteString(key), [99]) }
            }
            try await sed(lake, "s/^vault = .*/copies = [\"cold\", \"other\"]/", "jobs.d/lake.toml")
            try await lake.fill([("db/t/v", [5])])
            try await collectAndPack(lake, 2)
            let dry = try await lake.expect(.ship, ["lake", "--dry-run"])
            let planned = dry.lines.filter { $0.contains("2026-03-02") }.map {
                $0.split(separator: " ").map(String.init)
            }
            #expect(planned.map { [$0[1], $0[4]] } == [["cold", "2"], ["other", "5"]], "\(dry)")
            let second = try await lake.expect(.ship, ["lake"])
            #expect(second.errors.contains("vault other lacks 3 objects"), "\(second)")
            let (cold, other) = (try await rows(lake, "v", 2), try await rows(lake, "o", 2))
            #expect(cold["db/t/x"] == Row(run: "2026-03-01", object: "lake/data/db/t/x"))
            #expect(other["db/t/x"] == Row(run: "2026-03-02", object: "lake/data/db/t/x.g2"))
            #expect(cold["db/t/v"]?.object == "lake/data/db/t/v.g2")
            #expect(other["db/t/v"]?.object == "lake/data/db/t/v")

            // Carried by both, by names of their own; the order of the vaults says nothing.
            try await sed(lake, "s/^copies = .*/copies = [\"other\", \"cold\"]/", "jobs.d/lake.toml")
            try await collectAndPack(lake, 3)
            let third = try await lake.expect(.ship, ["lake"])
            #expect(!third.errors.contains("lacks"), "\(third)")
            for (prefix, before) in [("v", cold), ("o", other)] {
                let now = try await rows(lake, prefix, 3)
                for key in ["db/t/v", "db/t/x", "db/t/y", "db/t/z"] {
                    #expect(now[key] == before[key], "\(prefix) \(key)")
                }
            }
            for vault in ["cold", "other"] { try await lake.expect(.ship, ["verify", "lake", "--vault", vault]) }
        }

        @Test(
            "A vault that missed a run, or has lost an object, keeps the other from nothing, and comes back",
            .timeLimit(.minutes(10)))
        func losses() async throws {
            let lake = try await lake()
            try await sed(lake, "s/^vault = .*/copies = [\"cold\", \"other\"]/", "jobs.d/lake.toml")
            try await collectAndPack(lake, 1)
            try await lake.expect(.ship, ["lake"])

            // A run that only the first vault has, and that counts since the job had no other then.
            try await sed(lake, "s/^copies = .*/vault = \"cold\"/", "jobs.d/lake.toml")
            try await lake.fill([("db/t/x", [11]), ("db/t/w", [6])])
            try await collectAndPack(lake, 2)
            try await lake.expect(.ship, ["lake", "--run", "2026-03-02"])
            try await sed(lake, "s/^vault = .*/copies = [\"cold\", \"other\"]/", "jobs.d/lake.toml")
            try await collectAndPack(lake, 3)
            let third = try await lake.expect(.ship, ["lake", "--run", "2026-03-03"])
            #expect(third.errors.contains("vault other lacks 2 objects"), "\(third)")
            #expect(
                try await rows(lake, "v", 3)["db/t/x"] == Row(run: "2026-03-02", object: "lake/run/2026-03-02/db/t/x"))
            let other = try await rows(lake, "o", 3)
            #expect(other["db/t/x"] == Row(run: "2026-03-03", object: "lake/run/2026-03-03/db/t/x"))
            #expect(other["db/t/w"] == Row(run: "2026-03-03", object: "lake/data/db/t/w"))
            #expect(other["db/t/y"] == Row(run: "2026-03-01", object: "lake/data/db/t/y"))

            // Lost in one vault: the other has the run, and the ledger waits.
            try await lake.delete(lake.vault, ["o/lake/data/db/t/y"])
            try await onOwnThread { try lake.put(lake.vault, "o/lake/data/db/t/z", [3, 3]) }
            try await collectAndPack(lake, 4)
            let fourth = try await lake.expect(.ship, ["lake", "--run", "2026-03-04"], status: 1)
            #expect(fourth.errors.contains("vault other: 'db/t/y' is of run 2026-03-01"), "\(fourth)")
            #expect(fourth.errors.contains("HINT"), "\(fourth)")
            #expect(try await rows(lake, "v", 4).count == 5)
            #expect(try await rows(lake, "o", 4).isEmpty)
            let ledger = lake.world.staging + "/lake/ledger/2026-03-04"
            #expect(try await TestSupport.run(["test", "-e", ledger]).status != 0)
            // What is lost comes back under its name; what is another one stays, and is copied anew beside it.
            let healed = try await lake.expect(.ship, ["lake", "--run", "2026-03-04", "--force"])
            #expect(healed.errors.contains("vault other lacks 2 objects"), "\(healed)")
            let whole = try await rows(lake, "o", 4)
            #expect(whole["db/t/y"] == Row(run: "2026-03-04", object: "lake/data/db/t/y"))
            #expect(whole["db/t/z"] == Row(run: "2026-03-04", object: "lake/run/2026-03-04/db/t/z"))
            #expect(whole["db/t/w"] == other["db/t/w"])
            try await lake.expect(.ship, ["verify", "lake", "--vault", "other", "--run", "2026-03-04"])
            try await lake.expect(.ship, ["lake"])
            #expect(try await lake.objects(lake.vault, "v/lake/_ledger/2026-03-04/").count == 2, "one manifest")
            #expect(try await TestSupport.run(["test", "-e", ledger + "/db.manifest.1.tsv.gz"]).status == 0)
        }

        @Test(
            "One run at a time is copied, and a job that is under way is waited for before another run copies",
            .timeLimit(.minutes(10)))
        func oneRunAtATime() async throws {
            let service = Monitor<BatchOperations?>(nil)
            let isHeld = Monitor(true)
            let server = try S3ControlServer { job in
                guard let service = service.with({ $0 }) else { throw Fault(.usage, "not yet") }
                while isHeld.with({ $0 }) { Clock.pause(0.05) }
                return try service.perform(job)
            }
            let lake = try await LakeWorld([
                "route = { objects = 1 }", "log_class = \"STANDARD\"",
                "batch = { account = \"222222222222\", role_arn = \"arn:aws:iam::222222222222:role/b\", endpoint = \"\(server.url)\" }",
            ])
            service.with { $0 = lake.batchOperations }
            try await lake.fill([("db/t/x", [1]), ("db/t/y", [2])])
            try await collectAndPack(lake, 1)
            try await lake.fill([("db/t/x", [11])])
            try await collectAndPack(lake, 2)
            let first = try ChildProcess(
                [Program.ship.path, "lake", "--run", "2026-03-01"], environment: lake.environment,
                log: lake.world.root + "/first.log")
            #expect(try await eventually { server.jobs.count == 1 })
            let refused = try await lake.expect(.ship, ["lake", "--run", "2026-03-02"], status: 75)
            #expect(
                refused.errors.contains("at work on run 2026-03-01, and run 2026-03-02 waits for it"), "\(refused)")
            let same = try await lake.expect(.ship, ["lake", "--run", "2026-03-01"], status: 75)
            #expect(same.errors.contains("lock of ship lake 2026-03-01"), "\(same)")

            // Killed, it leaves a job that goes on.
            first.signal(9)
            _ = try await first.wait()
            let waits = try await lake.expect(.ship, ["lake", "--run", "2026-03-02"], status: 75)
            #expect(waits.errors.contains("run 2026-03-01 has begun a job of S3 Batch Operations"), "\(waits)")
            #expect(waits.errors.contains("Run 'ship lake --run 2026-03-01' first"), "\(waits)")
            #expect(try await lake.objects(lake.vault, "v/lake/_ledger/").isEmpty)
            isHeld.with { $0 = false }
            try await Task.sleep(for: .seconds(1))
            // Run 1 wanted what was there before; its job has copied what was there by then.
            try await lake.expect(.ship, ["lake"], status: 3)
            let copies = try await lake.objects(lake.vault, "v/lake/")
            #expect(copies["v/lake/data/db/t/x"]?.etag == LakeWorld.md5([11]))
            #expect(try await rows(lake, "v", 2)["db/t/x"]?.object == "lake/data/db/t/x")
            try await lake.expect(.ship, ["verify", "lake"])
        }
    }
}
