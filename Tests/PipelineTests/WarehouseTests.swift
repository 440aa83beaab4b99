import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Testing

/// collect and pack of a warehouse: inventories in a bucket of moto, and what becomes of them on staging.
extension PipelineTests {
    @Suite(.enabled(if: MotoServer.isInstalled, "\(MotoServer.reason)"))
    struct WarehouseTests {
        private static let run = "2026-03-31"
        private static let at = "2026-04-02T01-00Z"

        /// A job over inventories of a bucket of its own.
        private struct Lake: Sendable {
            let world: Pipeline
            let bucket = "inv-" + RandomID.make()
            let environment: [String: String?]
            private let endpoint: String

            init(_ lines: String = "") async throws {
                endpoint = try await onOwnThread { try MotoServer.shared().http }
                world = try Pipeline()
                environment = world.awsEnvironment()
                try world.useBucket("vault-bucket/v", at: endpoint)
                try TreeBuilder(world.root + "/etc").file(
                    "jobs.d/lake.toml",
                    text: """
                        kind = "warehouse"
                        source = { bucket = "lake", endpoint = "\(endpoint)" }
                        inventory = ["s3://\(bucket)/inv/lake/daily"]
                        wait = "0 s"
                        \(lines)

                        """)
                try await direct { try $0.createBucket() }
                let result = try await world(.collect, ["init", "--local"])
                guard result.status == 0 else { throw Fault(.io, "collect init: \(result)") }
            }

            func direct<R: Sendable>(_ body: @escaping @Sendable (S3Client) throws -> R) async throws -> R {
                try await onOwnThread { [endpoint, bucket] in
                    var settings = HTTPSettings(userAgent: "coldchain-tests")
                    settings.usesProxies = false
                    return try body(
                        S3Client(
                            bucket: bucket, endpoint: try S3Endpoint(url: endpoint, region: "us-east-1"),
                            http: HTTPClient(settings),
                            credentials: FixedCredentials(Credentials(accessKey: "AKID", secretKey: Secret("secret")))))
                }
            }

            /// Where an inventory is made before it is put into the bucket.
            func place(_ name: String) -> String { "\(world.root)/\(name)" }

            /// Makes an inventory and puts it into the bucket.
            func inventory(_ name: String = "one", _ more: [String] = [], without: String? = nil) async throws {
                let script = "\(Repository.root)/bench/geninventory.py"
                let made = try await TestSupport.run(
                    ["python3", script, place(name), "--at", WarehouseTests.at] + more, timeout: 120)
                guard made.status == 0 else { throw Fault(.io, "\(made)") }
                try await upload(name, without: without)
            }

            func upload(_ name: String, without: String? = nil) async throws {
                let root = place(name)
                try await direct { client in
                    var walk = try DirectoryWalk(try Directory.open(root))
                    while let step = try walk.next() {
                        guard try step.status.get().kind == .file else { continue }
                        let path = step.path.description
                        if let without, path.contains(without) {
                            _ = try client.perform(S3Call(.delete, step.path))
                            continue
                        }
                        let bytes = try step.parent.readFile(step.name)
                        _ = try client.put(
                            step.path, .bytes(bytes), digest: SHA256Hasher.digest(of: bytes), S3NewObject(),
                            sendsChecksum: false
                        ).get()
                    }
                }
            }

            func callAsFunction(_ program: Program, _ arguments: [String]) async throws -> RunResult {
                try await TestSupport.run(
                    [program.path]
                        + (arguments.first == "setup"
                            ? ["setup", "lake"] + arguments.dropFirst() : ["lake"] + arguments),
                    environment: environment, timeout: 120)
            }

            @discardableResult
            func expect(
                _ program: Program, _ arguments: [String], status: Int32 = 0, _ words: String = "",
                _ location: SourceLocation = #_sourceLocation
            ) async throws -> RunResult {
                let result = try await self(program, arguments)
                #expect(
                    result.status == status && (words.isEmpty || result.description.contains(words)),
                    "\(program.rawValue) \(arguments.joined(separator: " ")): \(result)", sourceLocation: location)
                return result
            }

            func check(_ program: Program, status: Int32 = 0, _ location: SourceLocation = #_sourceLocation)
                async throws
                -> RunResult
            {
                let result = try await TestSupport.run(
                    [program.path, "check", "lake"], environment: environment, timeout: 120)
                #expect(result.status == status && !result.isCrash, "\(result)", sourceLocation: location)
                return result
            }

            var directory: String { "\(world.staging)/lake/\(WarehouseTests.run)" }

            /// What the second reader says of the lists.
            func compare(_ name: String = "one") async throws -> RunResult {
                let root = place(name)
                return try await TestSupport.run(
                    [
                        "bash", "-c", "exec python3 \"$0\" \"$1\" \"$2\" \"$3\"/collect/*.entries.tsv.gz",
                        "\(Repository.root)/Tests/WarehouseTests/inventory_reader.py",
                        "\(root)/inv/lake/daily/\(WarehouseTests.at)/manifest.json", root, directory,
                    ], timeout: 120)
            }
        }

        @Test("A generated inventory becomes lists that another reader finds right, and plans", .timeLimit(.minutes(5)))
        func pipeline() async throws {
            let lake = try await Lake("exclude = [\"db03\"]")
            try await lake.inventory("one", ["--rows", "4000", "--databases", "3", "--unusual"])
            try await lake.expect(.collect, ["--run", Self.run, "--dry-run"], "would be collected")
            try await lake.expect(.collect, ["--run", Self.run], "3 units")
            let compared = try await lake.compare()
            #expect(compared.status == 0 && compared.description.contains("4000 objects are the same"), "\(compared)")
            let evidence = try await lake.world.shell(
                "cd \"$1/collect/_inventory\" && md5sum < 1.manifest.json | cut -c1-32 | cmp -n 32 - 1.manifest.checksum",
                [lake.directory])
            #expect(evidence.status == 0)
            // Done is done, without a look at the bucket.
            try await lake.expect(.collect, ["--run", Self.run], "3 done before")
            // One in a hundred is of a class that can't be copied.
            try await lake.expect(.pack, ["--run", Self.run, "--dry-run"], "would be packed")
            try await lake.expect(.pack, ["--run", Self.run])
            try await lake.expect(.pack, ["--run", Self.run], "3 done before")
            try await lake.world.shell("cd \"$1/pack\" && sha256sum -c --quiet *.sha256", [lake.directory])
            let lines = try await lake.world.shell(
                "cd \"$1/pack\" && cat *.csv | wc -l && zcat *.manifest.tsv.gz | grep -c skipped=class:GLACIER",
                [lake.directory])
            let counts = lines.lines.compactMap { Int($0.filter(\.isNumber)) }
            #expect(counts.count == 2 && counts[0] + counts[1] == 4_000, "\(lines)")
            // A plan follows its list and its settings.
            try await lake.expect(.pack, ["--run", Self.run, "--force", "--only", "db00"])
            try await lake.expect(.pack, ["--run", Self.run, "--only", "nothing"], status: 1, "no archive matches")
        }

        @Test("What the ledger holds is carried; a database that is gone raises the alarm", .timeLimit(.minutes(5)))
        func ledger() async throws {
            let lake = try await Lake()
            try await lake.inventory("one", ["--rows", "3000", "--databases", "2", "--versions"])
            try await lake.expect(.collect, ["--run", "2026-03-30"])
            try await lake.expect(.pack, ["--run", "2026-03-30"])
            // What ship would do, and a database that there was once.
            try await lake.world.shell(
                """
                mkdir -p "$1/ledger/2026-03-30" && cd "$1/2026-03-30/pack"
                for db in db00 db01; do cp $db.manifest.tsv.gz "$1/ledger/2026-03-30/$db.manifest.1.tsv.gz"; done
                cp db00.manifest.tsv.gz "$1/ledger/2026-03-30/sales.manifest.1.tsv.gz"
                """, ["\(lake.world.staging)/lake"])
            try await lake.world.shell("rm -rf \"$1\"", [lake.place("one")])
            try await lake.inventory("one", ["--rows", "3000", "--databases", "2", "--versions", "--generation", "1"])
            try await lake.expect(
                .collect, ["--run", Self.run], status: 3, "sales: alarm: the whole database is gone")
            #expect(try await lake.compare().status == 0)
            let report = try await lake.expect(.pack, ["--run", Self.run, "--dry-run", "--json"])
            #expect(report.description.contains("\"carried\""))
            try await lake.expect(.pack, ["--run", Self.run])
            let runs = try await lake.world.shell(
                "zcat \"$1\"/pack/db00.manifest.tsv.gz | cut -f 13 | sort | uniq -c", [lake.directory])
            #expect(
                runs.lines.contains { $0.hasSuffix(" 2026-03-30") }
                    && runs.lines.contains { $0.hasSuffix(" 2026-03-31") })
            // Versions stand in the third column.
            let csv = try await lake.world.shell("head -1 \"$1\"/pack/db00.data.csv", [lake.directory])
            #expect(csv.lines.first?.split(separator: ",").count == 3, "\(csv)")
        }

        @Test("A check names what of inventory, source and vault is missing, and setup makes the inventory")
        func check() async throws {
            let lake = try await Lake()
            let missing = try await lake.check(.collect, status: 1)
            let lines = missing.lines.filter { $0.hasPrefix("FAILED") }
            #expect(lines.contains { $0.contains("inventory s3://\(lake.bucket)/") && $0.contains("no inventory has") })
            for (what, bucket) in [
                ("job lake: source s3://lake, read as vault cold does: ", "s3://lake"),
                ("job lake: vault cold s3://vault-bucket/v: ", "s3://vault-bucket"),
            ] {
                #expect(
                    lines.contains { $0.contains(what) && $0.contains(bucket) && $0.contains("NoSuchBucket") },
                    "\(missing)")
            }

            try await lake.direct { client in
                for name in ["lake", "vault-bucket"] { try client.sibling(bucket: name).createBucket() }
                _ = try client.sibling(bucket: "lake").put(
                    "db00/a", .bytes([1]), digest: SHA256Hasher.digest(of: [1]), S3NewObject(), sendsChecksum: false
                ).get()
            }
            let printed = try await lake.expect(.ship, ["setup"], "inventory daily of s3://lake: is not so yet")
            #expect(printed.output.contains("<Bucket>arn:aws:s3:::\(lake.bucket)</Bucket>"), "\(printed)")
            #expect(printed.output.contains("by which S3 delivers inventories there:"), "\(printed)")
            try await lake.expect(.ship, ["setup", "--apply"], "inventory daily of s3://lake: applied")
            let again = try await lake.expect(.ship, ["setup"], "inventory daily of s3://lake: is so already")
            #expect(!again.output.contains("is not so yet"), "\(again)")
            let live = try await lake.direct { try $0.sibling(bucket: "lake").inventory(id: "daily") }
            let place = live?["Destination"]?["S3BucketDestination"]
            #expect(place?.text("Prefix") == "inv" && place?.text("Format") == "CSV", "\(String(describing: live))")
            #expect(live?["Schedule"]?.text("Frequency") == "Daily" && live?.text("IsEnabled") == "true")

            try await lake.inventory("one", ["--rows", "500"])
            let good = try await lake.check(.collect)
            #expect(good.output.contains("the newest is of 2026-04-02T01:00:00Z"), "\(good)")
            try await lake.direct { client in
                _ = try client.perform(
                    S3Call(.delete, ByteString("inv/lake/daily/\(WarehouseTests.at)/manifest.checksum")))
            }
            let torn = try await lake.check(.ship, status: 1)
            #expect(torn.output.contains("not complete: \(WarehouseTests.at): manifest.checksum is missing"), "\(torn)")
        }

        @Test("Of a torn inventory nothing is kept", .timeLimit(.minutes(5)))
        func torn() async throws {
            let lake = try await Lake()
            try await lake.expect(.collect, ["--run", Self.run], status: 75, "no inventory that was begun at")
            try await lake.inventory("one", ["--rows", "500"], without: "manifest.checksum")
            try await lake.expect(.collect, ["--run", Self.run], status: 1, "manifest.checksum is missing")
            try await lake.upload("one", without: "-003.csv.gz")
            try await lake.expect(.collect, ["--run", Self.run], status: 1, "-003.csv.gz is missing")
            // Of the right size, with other bytes.
            let part = "\(lake.place("one"))/inv/lake/daily/data/\(Self.at)-003.csv.gz"
            try await lake.world.shell(
                "cp \"$1\" \"$1.whole\" && printf X | dd of=\"$1\" bs=1 seek=40 conv=notrunc 2>/dev/null", [part])
            try await lake.upload("one")
            try await lake.expect(.collect, ["--run", Self.run], status: 1, "-003.csv.gz")
            let paths = try await lake.world.paths().filter {
                $0.contains("entries") || $0.contains("records/collect/")
            }
            #expect(paths.isEmpty, "\(paths)")
            try await lake.expect(.pack, ["--run", Self.run], status: 75)
            try await lake.world.shell("mv \"$1.whole\" \"$1\"", [part])
            try await lake.upload("one")
            try await lake.expect(.collect, ["--run", Self.run])
            #expect(try await lake.compare().status == 0)
            #expect(try await lake.world.remains().isEmpty)
        }
    }
}
