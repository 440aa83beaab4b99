import AWS
import Platform
import TestSupport
import Testing
import Vault

extension PipelineTests {
    /// Retention by the programs in a bucket with versions and Object Lock, whose lifecycle really deletes: three seconds of
    /// the gateway are a day.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct BucketPruneTests {
        private static let days = ["2025-11-18", "2025-11-19"]
        private static let prefix = "v/logs/"
        /// Directories that were made on the way have no times of their own.
        private static let aspects: FileTree.Aspects = [.mode, .owner, .fileTimes, .linkTimes, .hardLinks]

        /// A tenant for each host.
        private static let tenants: [(host: String, tenant: String)] = [
            ("web1", "acme"), ("web2", "globex"), ("web3", "initech"), ("web4", "umbrella"),
        ]
        private static let retention = ["[retention]", "keep_last = 1", "grace = \"0 days\""]

        private let world: Pipeline
        private let server: RGWServer
        private let bucket = "prune-" + RandomID.make()
        private let environment: [String: String?]

        init() async throws {
            server = try await onOwnThread { try RGWServer.shared() }
            var job = Pipeline.Job()
            job.hosts = Self.tenants.map { $0.host }
            job.lines = Self.retention
            world = try Pipeline(job)
            try world.useBucket("\(bucket)/v", at: server.http)
            environment = world.awsEnvironment(server)
        }

        @discardableResult
        private func run(_ program: Program, _ arguments: [String], status: Int32 = 0) async throws -> RunResult {
            let result = try await TestSupport.run([program.path] + arguments, environment: environment)
            #expect(result.status == status, "\(program.rawValue) \(arguments): \(result)")
            return result
        }

        private func direct<R: Sendable>(_ body: @escaping @Sendable (S3Client) throws -> R) async throws -> R {
            try await onOwnThread { [server, bucket] in
                try body(
                    .direct(bucket, at: server.http, accessKey: server.accessKey, secretKey: server.secretKey))
            }
        }

        /// The keys that a listing has of a host and run.
        private func keys(_ host: String, _ day: String) async throws -> [String] {
            try await direct { client in
                var keys: [String] = []
                try client.list(prefix: ByteString(Self.prefix)) { keys.append($0.key.description) }
                let date = day.replacing("-", with: "/")
                return keys.filter {
                    $0.contains("/\(date)/\(host).") || $0.contains("/_ledger/\(day)/\(host).")
                }
            }
        }

        private func restored(_ day: String) async throws -> FileTree {
            let place = world.root + "/restored-\(RandomID.make())"
            try await run(.ship, ["restore", "logs", "--run", day, "--to", place])
            return try await onOwnThread { try FileTree(place) }
        }

        /// Waits until the lifecycle has put delete markers above all that hosts have of the first run.
        private func waitUntilHidden(_ hosts: [String]) async throws {
            let end = Clock.monotonic() + 90
            for host in hosts {
                while try await !keys(host, Self.days[0]).isEmpty, Clock.monotonic() < end {
                    try await Task.sleep(for: .milliseconds(300))
                }
                let left = try await keys(host, Self.days[0])
                #expect(left == [])
            }
        }

        @Test(
            "What is retired is hidden by the lifecycle, undo, hold and prune bring it back, and what is held never goes",
            .timeLimit(.minutes(5)))
        func versions() async throws {
            try await direct { client in
                try client.createBucket(withObjectLock: true)
                try client.putConfiguration(.lifecycle, LifecycleRules(prefix: "v/", grace: 1_000).merged(with: nil))
            }
            try await run(.collect, ["init", "--local"])
            for (number, day) in Self.days.enumerated() {
                for (host, tenant) in Self.tenants {
                    try world.host(host).file(ByteString("\(tenant)/log"), text: "night \(number)\n")
                }
                try await world.shell(
                    "touch -d '2025-11-18 0\(number):00:00' \"$1\"/*/*/log \"$1\"/*/*", [world.source])
                for program in Program.allCases { try await run(program, ["logs", "--run", day]) }
            }
            let before = try await restored(Self.days[0])
            let whole = try await keys("web1", Self.days[0])
            #expect(whole.count == 5, "\(whole)")

            // The store's clock tells whole seconds: what was made in this one is not there yet for prune.
            try await Task.sleep(for: .milliseconds(1_100))
            let first = try await run(.ship, ["prune", "logs"])
            #expect(first.output.contains("quarantined"), "\(first)")
            let second = try await run(.ship, ["prune", "logs"])
            #expect(second.output.contains("retired"), "\(second)")
            // Three seconds are a day here, so a hold that comes before the lifecycle would run a race with it.
            try await waitUntilHidden(Self.tenants.map { $0.host })
            let held = try await run(.ship, ["hold", "logs", "--tenant", "globex", "--why", "court"])
            // Two runs of an archive with what lies beside it, and of a manifest with its digests.
            #expect(held.output.contains("cold: 10 objects, 2 taken back"), "\(held)")

            let listed = try await run(.ship, ["list", "logs", "--run", Self.days[0]])
            #expect(listed.output.contains("web2") && !listed.output.contains("web1"), "\(listed)")
            let undone = try await run(.ship, ["undo", "logs", "--tenant", "acme"])
            #expect(undone.output.contains("its delete marker is removed"), "\(undone)")
            let back = try await keys("web1", Self.days[0])
            #expect(back == whole)
            // A hold that comes behind an undo.
            let late = try await run(.ship, ["hold", "logs", "--tenant", "initech", "--why", "court"])
            #expect(late.output.contains("cold: 10 objects, 2 taken back"), "\(late)")
            let isHeld = try await direct { try $0.head(ByteString("v/logs/initech/2025/11/18/web3.tar.gz"))?.isHeld }
            #expect(isHeld == true)
            // And without a rule all stays.
            var without = world
            without.job.lines = []
            try TreeBuilder(world.root + "/etc").file("jobs.d/logs.toml", text: without.job.text(world.source))
            let released = try await run(.ship, ["prune", "logs"])
            #expect(released.output.contains("released"), "\(released)")
            let after = try await restored(Self.days[0])
            #expect(before.differences(to: after, Self.aspects) == [])

            try await run(.ship, ["verify", "logs", "--sample", "100"])
            let audit = try await run(.ship, ["audit", "logs", "--vault", "cold"])
            for word in ["quarantine", "retire", "undo", "hold", "release"] {
                #expect(audit.output.contains(" \(word) "), "\(word): \(audit)")
            }
        }
    }
}
