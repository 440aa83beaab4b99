import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Retention by the programs: staging, a vault on a disk, and the way back.
    @Suite struct PruneTests {
        /// Directories that were made on the way have no times of their own.
        private static let aspects: FileTree.Aspects = [.mode, .owner, .fileTimes, .linkTimes, .hardLinks]
        private static let days = ["2025-11-17", "2025-11-18", "2025-11-19"]

        /// Three nights of two hosts, of which the newest is kept.
        private func world(_ lines: [String] = ["keep_last = 1", "grace = \"0 days\"", "keep_local = \"0 days\""])
            async throws -> Pipeline
        {
            var job = Pipeline.Job()
            job.lines = ["member = \"{host}/{tenant}/{rest}\"", "[retention]"] + lines
            let world = try Pipeline(job)
            try await SmallWorld.fill(world)
            try await world.initialize()
            for (number, day) in Self.days.enumerated() {
                // Nothing else in its archive is needed by a later run.
                try await world.shell("echo $2 > \"$1\"/web1/acme/day", [world.source, "\(number)"])
                try await world.night(day)
            }
            return world
        }

        private func restored(_ world: Pipeline, _ day: String) async throws -> FileTree {
            let place = world.root + "/restored-\(RandomID.make())"
            try await world.expect(.ship, ["restore", "logs", "--run", day, "--to", place])
            return try await onOwnThread { try FileTree(place) }
        }

        @Test("What goes goes by quarantine, mark and --expire, and comes back until then")
        func vault() async throws {
            let world = try await world()
            let before = try await restored(world, Self.days[0])
            let newest = try await restored(world, Self.days[2])
            let untouched = try await world.snapshot()
            // Two runs at once are more than a policy at work.
            let dry = try await world.expect(.ship, ["prune", "logs", "--dry-run"], status: 1)
            #expect(dry.output.contains("ALARM"), "\(dry)")
            #expect(dry.errors.contains("ship prune logs --approve acme"), "\(dry)")
            let same = try await world.snapshot()
            // The state directory only caches.
            let changes = untouched.differences(to: same).filter { !$0.contains(" state") }
            #expect(changes == [])
            try await world.expect(.ship, ["prune", "logs"], status: 1)
            let approve = ["--approve", "acme", "--approve", "globex"]
            let first = try await world.expect(.ship, ["prune", "logs"] + approve)
            #expect(first.output.contains("quarantined"), "\(first)")
            let second = try await world.expect(.ship, ["prune", "logs"])
            #expect(second.output.contains("retired"), "\(second)")
            try await world.expect(.ship, ["verify", "logs"])
            let again = try await world.expect(.ship, ["prune", "logs", "--json"])
            #expect(again.output.contains("\"leave\""), "\(again)")

            // Back, and as it was.
            let undone = try await world.expect(.ship, ["undo", "logs", "--run", Self.days[0]])
            #expect(undone.output.contains("back"), "\(undone)")
            let back = try await restored(world, Self.days[0])
            #expect(before.differences(to: back, Self.aspects) == [])
            try await world.expect(.ship, ["undo", "logs", "--run", "2001-01-01"], status: 1)
            // A hold keeps it, and brings back what else the tenant has.
            let held = try await world.expect(.ship, ["hold", "logs", "--tenant", "acme", "--why", "court"])
            #expect(held.output.contains("taken back"), "\(held)")
            try await world.expect(.ship, ["prune", "logs", "--expire"])
            let kept = try await restored(world, Self.days[1])
            #expect(!kept.entries.isEmpty)
            try await world.expect(.ship, ["hold", "logs", "--tenant", "acme", "--why", "over", "--release"])
            for _ in 0..<3 { try await world.expect(.ship, ["prune", "logs", "--expire"] + approve) }
            let runs = try await world.expect(.ship, ["list", "logs", "--runs"])
            #expect(!runs.output.contains(Self.days[0]) && !runs.output.contains(Self.days[1]), "\(runs)")
            let last = try await restored(world, Self.days[2])
            #expect(newest.differences(to: last, Self.aspects) == [])
            try await world.expect(.ship, ["verify", "logs", "--sample", "100"])
            let audit = try await world.expect(.ship, ["audit", "logs"])
            for word in ["refuse", "approve", "quarantine", "retire", "undo", "hold", "release", "end-hold", "expire"] {
                #expect(audit.output.contains(" \(word) "), "\(word): \(audit)")
            }
            let copies = try await world.expect(.ship, ["audit", "logs", "--vault", "disk", "--json"])
            #expect(copies.output.contains("\"expire\""), "\(copies)")
            let remains = try await world.remains()
            #expect(remains == [])
        }

        @Test("Staging keeps what not every vault holds, and a pruned run counts as done")
        func staging() async throws {
            let world = try await world()
            // One archive is lost in the vault: its host and its archive stay.
            let lost = world.vault + "/logs/globex/2025/11/17/web2.tar.gz"
            try await world.shell("mv \"$1\" \"$1.away\"", [lost])
            let dry = try await world.expect(.collect, ["prune", "logs", "--dry-run"])
            #expect(dry.output.contains("has lost"), "\(dry)")
            try await world.expect(.collect, ["prune", "logs"])
            try await world.expect(.pack, ["prune", "logs"])
            let paths = try await world.paths()
            let archives = paths.filter { $0.hasPrefix("staging/") && $0.hasSuffix(".tar.gz") }
            #expect(archives.allSatisfy { $0.contains("2025-11-17") && $0.contains("web2") }, "\(archives)")
            #expect(!archives.isEmpty)
            #expect(!paths.contains { $0.hasPrefix("staging/logs/2025-11-19/collect/web1/") })
            #expect(paths.contains("staging/logs/2025-11-17/collect/web2/acme/"), "\(paths)")
            try await world.shell("mv \"$1.away\" \"$1\"", [lost])
            for program in [Program.collect, .pack] { try await world.expect(program, ["prune", "logs"]) }
            let after = try await world.paths()
            #expect(!after.contains { $0.hasPrefix("staging/") && $0.hasSuffix(".tar.gz") })
            // A rerun finds all done, whatever the settings say now.
            for program in Program.allCases {
                let result = try await world.expect(program, ["logs", "--run", Self.days[1]])
                #expect(result.output.contains("done"), "\(result)")
            }
            let status = try await world.expect(.ship, ["status", "logs"])
            #expect(status.output.contains("pruned from staging"), "\(status)")
            let forced = try await world.expect(.ship, ["logs", "--run", Self.days[1], "--force"], status: 3)
            #expect(forced.errors.contains("was pruned from staging"), "\(forced)")
            // The next night carries from what only the vault holds.
            try await world.night("2025-11-20")
            let tree = try await restored(world, "2025-11-20")
            #expect(!tree.entries.isEmpty)
            let remains = try await world.remains()
            #expect(remains == [])
        }

        @Test("Without rules nothing goes, and a retention that was misspelt is no retention")
        func nothing() async throws {
            let world = try await world(["grace = \"0 days\""])
            let prune = try await world.expect(.ship, ["prune", "logs", "--expire"])
            #expect(prune.output.contains("no rule that lets anything go"), "\(prune)")
            let staging = try await world.expect(.collect, ["prune", "logs"])
            #expect(staging.output.contains("no 'keep_local'"), "\(staging)")
            let undo = try await world.expect(.ship, ["undo", "logs"])
            #expect(undo.output.contains("nothing is on its way out"), "\(undo)")
            let audit = try await world.expect(.ship, ["audit", "logs"])
            #expect(audit.output.contains("nothing was decided"), "\(audit)")
            try await world.expect(.ship, ["hold", "logs", "--why", "x"], status: 64)
            try await world.expect(.ship, ["prune", "nobody"], status: 64)
        }
    }
}
