import FoundationEssentials
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// A restore from an archive class: what it costs is told, it is asked for, waited for, and fetched.
    @Suite
    struct ThawTests {
        private static let far = "Fri, 21 Dec 2040 00:00:00 GMT"
        private static let past = "Sun, 06 Nov 1994 08:49:37 GMT"

        /// What a server that has nothing but the settings knows of a night that went into a bucket.
        private struct World {
            let pipeline: Pipeline
            let bucket: ScriptedBucket
            let environment: [String: String?]

            init() async throws {
                var job = Pipeline.Job()
                job.lines = ["member = \"{host}/{tenant}/{rest}\""]
                pipeline = try Pipeline(job)
                try await SmallWorld.fill(pipeline)
                try await pipeline.initialize()
                try await pipeline.night()
                try await pipeline.shell("rm -rf \"$1\" \"$2\"", [pipeline.staging, pipeline.state])
                bucket = try ScriptedBucket(pipeline.vault)
                try pipeline.useBucket(
                    ScriptedBucket.name, at: bucket.url, ["thaw = { ask_bytes = \"100 B\", days = 3 }"])
                environment = pipeline.awsEnvironment()
            }

            func restore(_ more: [String], status: Int32) async throws -> RunResult {
                let result = try await TestSupport.run(
                    [Program.ship.path, "restore", "logs", "--run", Pipeline.run] + more, environment: environment)
                #expect(result.status == status, "\(more): \(result)")
                #expect(!result.isCrash)
                return result
            }

            func differences(_ place: String) throws -> [String] {
                ThawTests.below(try FileTree(pipeline.source)).differences(to: ThawTests.below(try FileTree(place)))
            }
        }

        /// The entries below the hosts.
        private static func below(_ tree: FileTree) -> FileTree {
            var below = tree
            below.entries = tree.entries.filter { path, _ in path.components.count > 1 }
            return below
        }

        private struct Outline: Decodable {
            struct Object: Decodable { var state: String }
            struct Thaw: Decodable {
                var objects: Int
                var bytes: Int64
                var underWay: Int
                var tier: String
                var days: Int
            }
            var objects: [Object]
            var thaw: Thaw?
        }

        private func outline(_ result: RunResult) throws -> Outline {
            try JSONDecoder().decode(Outline.self, from: Data(result.stdout))
        }

        @Test("A thaw is told, confirmed, asked for, waited for over several starts, and fetched piece by piece")
        func whole() async throws {
            let world = try await World()
            let place = world.pipeline.root + "/back"
            let plan = try outline(try await world.restore(["--dry-run", "--json"], status: 0))
            #expect(plan.objects.map(\.state) == Array(repeating: "archived", count: 4))
            #expect(plan.thaw?.objects == 4 && plan.thaw?.days == 3 && plan.thaw?.tier == "bulk")
            let told = try await world.restore(["--to", place], status: 64)
            #expect(told.errors.contains("4 objects of") && told.errors.contains("--yes"), "\(told)")
            #expect(world.bucket.asked.isEmpty)
            _ = try await world.restore(["--to", place, "--tier", "expedited", "--yes"], status: 64)

            let asked = try await world.restore(
                ["--to", place, "--yes", "--tier", "standard", "--days", "2"], status: 75)
            #expect(asked.errors.contains("4 objects wait for a thaw, which is over by "), "\(asked)")
            #expect(asked.output.contains("wait for a thaw"), "\(asked)")
            #expect(world.bucket.asked.count == 4)
            for request in world.bucket.asked {
                #expect(request.document.contains("<Days>2</Days>") && request.document.contains("Standard</Tier>"))
            }
            // What is under way needs no consent, and is not asked for again.
            _ = try await world.restore(["--to", place], status: 75)
            #expect(world.bucket.asked.count == 4 && world.bucket.sent.requests == 0)

            // One half is there: it is fetched. The copies of the other have run out.
            world.bucket.set(.done(expires: Self.far)) { $0.contains("/acme/") }
            let half = try await world.restore(["--to", place], status: 75)
            #expect(half.errors.contains("2 objects wait"), "\(half)")
            let app = try FileTree(place).entries["web1/acme/app.log"]
            #expect(app?.kind == .file)
            let once = world.bucket.sent.requests
            #expect(once > 0)
            world.bucket.set(.done(expires: Self.past)) { $0.contains("/globex/") }
            let status = try outline(try await world.restore(["--status", "--json"], status: 75))
            #expect(status.objects.map(\.state).sorted() == ["archived", "archived", "thawed", "thawed"])
            #expect(status.thaw?.objects == 2)
            _ = try await world.restore(["--to", place], status: 64)
            let request = try await world.restore(["--request", "--yes"], status: 75)
            #expect(request.output.contains("2 objects are being thawed"), "\(request)")
            #expect(world.bucket.asked.count == 6)

            // It waits itself until all is there, and fetches only what is missing.
            let bucket = world.bucket
            let waiter = Task {
                try await Task.sleep(nanoseconds: 1_500_000_000)
                bucket.set(.done(expires: Self.far))
            }
            let done = try await world.restore(["--to", place, "--wait", "--poll", "1s"], status: 0)
            try await waiter.value
            #expect(done.output.contains("were there already"), "\(done)")
            let requests = world.bucket.sent.requests
            #expect(requests <= 2 * once)
            let differences = try world.differences(place)
            #expect(differences == [])
            _ = try await world.restore(["--to", place], status: 0)
            #expect(world.bucket.sent.requests == requests, "what is there is not fetched again")
        }

        @Test("One file goes to stdout once its archive is thawed, by the members that hold it")
        func file() async throws {
            let world = try await World()
            let path = "web1/acme/app.log"
            _ = try await world.restore([path, "--stdout"], status: 64)
            _ = try await world.restore([path, "--stdout", "--yes"], status: 75)
            #expect(world.bucket.asked.map(\.key) == ["logs/acme/2025/11/19/web1.tar.gz"])
            world.bucket.set(.done(expires: Self.far))
            _ = try await world.restore([path, "--stdout", "--request"], status: 0)
            let result = try await world.restore([path, "--stdout"], status: 0)
            #expect(result.output == "one line of web1\n")
            #expect(world.bucket.sent.requests == 1)
        }

        @Test(
            "moto's Deep Archive takes a night and gives it back after a restore", .enabled(if: MotoServer.isInstalled))
        func moto() async throws {
            let server = try await onOwnThread { try MotoServer.shared() }
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            let bucket = "thaw-" + RandomID.make().lowercased()
            try await world.shell("curl -fsS --noproxy '*' -X PUT \"$1\"", ["\(server.http)/\(bucket)"])
            try TreeBuilder(world.root + "/etc").file(
                "coldchain.toml",
                text: """
                    staging = "\(world.staging)"
                    state = "\(world.state)"
                    [vault.cold]
                    url = "s3://\(bucket)/p"
                    endpoint = "\(server.http)"

                    """)
            let environment = world.awsEnvironment()
            func run(_ program: Program, _ arguments: [String], status: Int32 = 0) async throws -> RunResult {
                let result = try await TestSupport.run([program.path] + arguments, environment: environment)
                #expect(result.status == status, "\(program.rawValue) \(arguments): \(result)")
                return result
            }
            _ = try await run(.collect, ["init", "--local"])
            for program in Program.allCases { _ = try await run(program, ["logs", "--run", Pipeline.run]) }
            let place = world.root + "/back"
            let restore = ["restore", "logs", "--run", Pipeline.run]
            let plan = try outline(try await run(.ship, restore + ["--dry-run", "--json"]))
            #expect(plan.thaw?.objects == 4)
            _ = try await run(.ship, restore + ["--request"], status: 0)
            _ = try await run(.ship, restore + ["--status"], status: 0)
            _ = try await run(.ship, restore + ["--to", place])
            let big = try await world.shell(
                "cmp \"$1/web1/acme/big.log\" \"$2/acme/web1/big.log\" && find \"$2\" -type f | wc -l",
                [world.source, place])
            #expect(big.lines.last != "0")
        }
    }
}
