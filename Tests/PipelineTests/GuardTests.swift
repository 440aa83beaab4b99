import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// What is empty, missing or another place than it was is refused, and never taken for "gone".
    @Suite
    struct GuardTests {
        /// A night that went well, and the tree that must stay.
        private func finished(_ job: Pipeline.Job = Pipeline.Job()) async throws -> Pipeline {
            let world = try Pipeline(job)
            try await SmallWorld.fill(world)
            try await world.initialize()
            try await world.night()
            return world
        }

        /// All programs that use a place refuse to run, naming it, and change nothing.
        private func refused(
            _ programs: [Program], _ world: Pipeline, naming path: String, _ words: String,
            _ location: SourceLocation = #_sourceLocation
        ) async throws {
            for program in programs {
                let before = try await world.snapshot()
                let result = try await world.stage(program, Pipeline.run, ["--force"])
                let changes = before.differences(to: try await world.snapshot())
                #expect(result.status == 1, "\(program.rawValue): \(result)", sourceLocation: location)
                #expect(
                    result.errors.contains(path) && result.errors.contains(words), "\(program.rawValue): \(result)",
                    sourceLocation: location)
                #expect(changes == [], "\(program.rawValue)", sourceLocation: location)
            }
        }

        @Test("A staging or vault without its guard file is refused")
        func guardMissing() async throws {
            let world = try await finished()
            try await world.shell("mv \"$1/.coldchain-guard\" \"$2\"", [world.staging, world.root + "/kept"])
            try await refused(Program.allCases, world, naming: world.staging, "not mounted")
            try await world.shell("mv \"$2\" \"$1/.coldchain-guard\"", [world.staging, world.root + "/kept"])
            try await world.shell("rm \"$1/.coldchain-guard\"", [world.vault])
            try await refused([.ship], world, naming: world.vault, "not mounted")
        }

        @Test("A staging or vault with another guard is refused")
        func guardOther() async throws {
            let world = try await finished()
            try await world.shell("cp \"$1\"/.coldchain-guard \"$2\"/.coldchain-guard", [world.staging, world.vault])
            try await refused([.ship], world, naming: world.vault, "the guard is")
            try await world.shell("echo 0123456789abcdef > \"$1\"/.coldchain-guard", [world.staging])
            try await refused(Program.allCases, world, naming: world.staging, "the guard is")
        }

        @Test("The empty directory under an unmounted staging or vault is refused, and a missing one too")
        func unmounted() async throws {
            let world = try await finished()
            for (place, programs) in [(world.vault, [Program.ship]), (world.staging, Program.allCases)] {
                try await world.shell("mv \"$1\" \"$1.away\" && mkdir \"$1\"", [place])
                try await refused(programs, world, naming: place, "not mounted")
                try await world.shell("rmdir \"$1\"", [place])
                try await refused(programs, world, naming: place, "mounted?")
                try await world.shell("mv \"$1.away\" \"$1\"", [place])
            }
            try await world.night()
        }

        @Test("A staging that was never initialized is refused")
        func neverInitialized() async throws {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try await world.shell("mkdir \"$1\" \"$2\"", [world.staging, world.vault])
            // The state directory is made on the way; staging and vault stay as they are.
            let result = try await world.stage(.collect)
            let paths = try await world.paths()
            #expect(result.status == 1 && result.errors.contains(world.staging), "\(result)")
            #expect(result.errors.contains("collect init"), "\(result)")
            #expect(paths == [])
        }

        @Test("init plants no other guard where the pinned one is missing; --replace-guard does, at the path it names")
        func planted() async throws {
            let world = try await finished()
            let away = world.root + "/away"
            try await world.shell("mv \"$1\" \"$2\" && mkdir \"$1\"", [world.vault, away])
            let before = try await world.snapshot()
            for arguments in [[], ["--local"], ["--local", "--replace-guard", world.staging]] {
                let result = try await world.expect(.collect, ["init"] + arguments, status: 1)
                let advice = "--replace-guard \(world.vault)"
                #expect(result.errors.contains(world.vault) && result.errors.contains(advice), "\(result)")
            }
            let wrong = ["init", "--local", "--replace-guard", world.vault + "s"]
            try await world.expect(.collect, wrong, status: 64)
            let changes = before.differences(to: try await world.snapshot())
            #expect(changes == [])
            let refused = try await world.expect(.ship, ["logs", "--run", Pipeline.run], status: 1)
            #expect(!refused.errors.contains("init"), "\(refused)")
            try await world.expect(.collect, ["init", "--local", "--replace-guard", world.vault + "/"])
            try await world.expect(.ship, ["logs", "--run", Pipeline.run])
        }

        @Test("root plants nothing in the state directory of another user", .enabled(if: geteuid() == 0))
        func otherUser() async throws {
            let world = try Pipeline()
            try await world.shell("mkdir \"$1\" && chown 1 \"$1\"", [world.state])
            let result = try await world.expect(.collect, ["init", "--local"], status: 1)
            #expect(result.errors.contains("\(world.state): belongs to user '"), "\(result)")
            #expect(result.errors.contains("runuser -u "), "\(result)")
            let made = try Directory.open(world.state).names()
            #expect(made == [])
        }

        @Test("What was shipped into another vault is shipped again, whole, when the right one is back")
        func otherVault() async throws {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try await world.initialize()
            try await world.night(Pipeline.run, [.collect, .pack])
            let (right, wrong) = (world.root + "/right", world.root + "/wrong")
            let replace = ["init", "--local", "--replace-guard", world.vault]
            // The day before yesterday's mistake: another disk was mounted there, and made a vault.
            try await world.shell("mv \"$1\" \"$2\" && mkdir \"$1\"", [world.vault, right])
            try await world.expect(.collect, replace)
            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--tenant", "acme"], status: 3)
            try await world.shell("mv \"$1\" \"$3\" && mv \"$2\" \"$1\"", [world.vault, right, wrong])
            try await world.expect(.collect, replace)
            let plan = try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--dry-run"])
            #expect(!plan.output.contains("is there"), "\(plan)")
            try await world.expect(.ship, ["logs", "--run", Pipeline.run])
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])

            // A run that was done in the wrong one is not done in the right one, which nobody has to ask for.
            try await world.shell("mv \"$1\" \"$2\" && mv \"$3\" \"$1\"", [world.vault, right, wrong])
            try await world.expect(.collect, replace)
            let again = try await world.expect(.ship, ["logs"])
            #expect(again.output.contains("done"), "\(again)")
            let others = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(others == [])
            let nothing = try await world.expect(.ship, ["logs"])
            #expect(nothing.output.contains("nothing to ship"), "\(nothing)")
        }

        @Test("A vault that can't be opened is told by status, until the run is shipped")
        func vaultAway() async throws {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try await world.initialize()
            try await world.night(Pipeline.run, [.collect, .pack])
            try await world.shell("mv \"$1\" \"$1.away\" && mkdir \"$1\"", [world.vault])
            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--dry-run"], status: 1)
            let waiting = try await world.expect(.ship, ["status", "logs"])
            #expect(waiting.output.contains("waiting"), "\(waiting)")
            try await world.expect(.ship, ["logs"], status: 1)
            let status = try await world.expect(.ship, ["status", "logs"])
            let row = status.lines.first { $0.contains(" ship ") } ?? ""
            #expect(row.contains("failed") && row.contains("vault disk: \(world.vault): no guard file"), "\(status)")
            #expect(!row.contains("_attempt"), "\(status)")
            try await world.shell("rmdir \"$1\" && mv \"$1.away\" \"$1\"", [world.vault])
            try await world.night(Pipeline.run, [.ship])
            let remains = try await world.remains()
            #expect(remains == [])
        }

        /// A job with two vaults, both of which are planted.
        private func twoVaults() async throws -> (world: Pipeline, second: String) {
            var world = try Pipeline()
            try await SmallWorld.fill(world)
            world.job.lines = ["copies = [\"disk\", \"second\"]"]
            try world.writeSettings()
            let second = world.root + "/second"
            try await world.shell(
                "printf '%s' \"$2\" >> \"$1\"", [world.config, "[vault.second]\nurl = \"file://\(second)\"\n"])
            try await world.initialize()
            return (world, second)
        }

        @Test("While one of two vaults is away the other gets all, and the ledger waits for both", arguments: [0, 1])
        func oneOfTwoAway(_ gone: Int) async throws {
            let (world, second) = try await twoVaults()
            let (away, here) = gone == 0 ? (world.vault, second) : (second, world.vault)
            let name = gone == 0 ? "disk" : "second"
            try await world.night(Pipeline.run, [.collect, .pack])
            try await world.shell("mv \"$1\" \"$1.away\" && mkdir \"$1\"", [away])
            let plan = try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--dry-run"], status: 3)
            #expect(plan.output.contains("would be shipped"), "\(plan)")
            #expect(plan.errors.contains("vault \(name): \(away)"), "\(plan)")
            for attempt in 1...2 {
                let result = try await world.expect(.ship, ["logs"], status: 3)
                #expect(result.errors.contains("vault \(name): \(away): no guard file"), "\(result)")
                let state = try world.state(.ship)
                let units = state.failed.map(\.unit)
                #expect(state.state == "partial" && units == ["vault \(name)"], "\(state)")
                #expect(attempt == 1 ? state.done == 6 : state.done == 0 && state.skipped == 6, "\(state)")
            }
            let touched = try await world.shell("ls -A \"$1\"", [away])
            #expect(touched.lines == [], "nothing is written below the mount point")
            let status = try await world.expect(.ship, ["status", "logs"])
            let row = status.lines.first { $0.contains(" ship ") } ?? ""
            #expect(row.contains("partial") && row.contains("vault \(name): \(away): no guard file"), "\(status)")

            // The vault that is there gives everything back, by itself.
            let vault = gone == 0 ? "second" : "disk"
            let place = world.root + "/restored"
            try await world.expect(
                .ship, ["restore", "logs", "--run", Pipeline.run, "--vault", vault, "--to", place])
            let files = try await world.shell("find \"$1\" -type f | wc -l", [place])
            #expect(files.lines == ["11"])
            // What only one has is carried by no later run.
            let find = "find \"$1\" -name '*.manifest*'"
            let before = try await world.shell(find, [world.staging + "/logs/ledger"])
            #expect(before.lines == [])
            let next = "2025-11-20"
            try await world.night(next, [.collect])
            let taken = try await world.shell(
                "zcat \"$1\"/*.tsv.gz | grep -c ^carry || true", ["\(world.runDirectory(next))/collect"])
            #expect(taken.lines == ["0"])

            // When it is back, the same command completes both vaults and the ledger.
            try await world.shell("rmdir \"$1\" && mv \"$1.away\" \"$1\"", [away])
            try await world.expect(.ship, ["logs"])
            try await world.shell("diff -r --exclude=.coldchain-guard \"$1\" \"$2\"", [away, here])
            let after = try await world.shell(find, [world.staging + "/logs/ledger"])
            #expect(after.lines.count == 4, "\(after)")
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            let remains = try await world.remains()
            #expect(differences == [])
            #expect(remains == [])
            let nothing = try await world.expect(.ship, ["logs"])
            #expect(nothing.output.contains("nothing to ship"), "\(nothing)")
        }

        @Test("A bucket that does not answer is away, and the other vault gets all")
        func bucketAway() async throws {
            var world = try Pipeline()
            try await SmallWorld.fill(world)
            world.job.lines = ["copies = [\"cold\", \"disk\"]"]
            try world.writeSettings()
            let bucket = "[vault.cold]\nurl = \"s3://nobody/there\"\nendpoint = \"http://127.0.0.1:1\"\n"
            try await world.shell("printf '%s' \"$2\" >> \"$1\"", [world.config, bucket])
            try await world.initialize()
            try await world.night(Pipeline.run, [.collect, .pack])
            let keys = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "no_proxy": "127.0.0.1"]
            let result = try await TestSupport.run(
                [Program.ship.path, "logs"], environment: world.environment.merging(keys) { $1 })
            #expect(result.status == 3, "\(result)")
            #expect(result.errors.contains("vault cold: "), "\(result)")
            let state = try world.state(.ship)
            let units = state.failed.map(\.unit)
            #expect(state.state == "partial" && units == ["vault cold"], "\(state)")
            let place = world.root + "/restored"
            try await world.expect(.ship, ["restore", "logs", "--run", Pipeline.run, "--vault", "disk", "--to", place])
            let ledger = try await world.shell("find \"$1\" -name '*.manifest*'", [world.staging + "/logs/ledger"])
            #expect(ledger.lines == [])
        }

        @Test("A vault that is away may leave the job: the next attempt commits for those that stay")
        func awayForGood() async throws {
            var (world, second) = try await twoVaults()
            try await world.night(Pipeline.run, [.collect, .pack])
            try await world.shell("mv \"$1\" \"$1.away\"", [second])
            try await world.expect(.ship, ["logs"], status: 3)
            world.job.lines = ["copies = [\"disk\"]"]
            try world.writeSettings()
            try await world.expect(.ship, ["logs"])
            let ledger = try await world.shell(
                "find \"$1\" -name '*.manifest.1.tsv.gz'", [world.staging + "/logs/ledger"])
            #expect(ledger.lines.count == 2, "\(ledger)")
        }

        @Test("When no vault can be opened, ship fails and names each")
        func allAway() async throws {
            let (world, second) = try await twoVaults()
            try await world.night(Pipeline.run, [.collect, .pack])
            try await world.shell("mv \"$1\" \"$1.away\"; mv \"$2\" \"$2.away\"", [world.vault, second])
            let result = try await world.expect(.ship, ["logs"], status: 1)
            #expect(result.errors.contains("vault disk: ") && result.errors.contains("vault second: "), "\(result)")
            #expect(try world.state(.ship).state == "failed")
        }

        @Test("init without --local refuses a directory that is no mount point")
        func noMountPoint() async throws {
            let world = try Pipeline()
            try await world.shell("mkdir \"$1\" \"$2\"", [world.staging, world.vault])
            let result = try await world.expect(.collect, ["init"], status: 1)
            #expect(result.errors.contains(world.staging) && result.errors.contains("mount point"), "\(result)")
            // All places in one message, the advice once.
            let advice = result.errors.split(separator: "\n").filter { $0.contains("HINT") || $0.contains("Mount") }
            #expect(result.errors.contains(world.vault) && advice.count == 1, "\(result)")
        }

        @Test("A host whose tree is empty or missing, but was not before, fails alone; nothing of it is given up")
        func emptySource() async throws {
            let world = try await finished()
            let sources = try await world.sourceTrees()
            let next = "2025-11-20"
            let place = world.source + "/web1"
            for (script, words) in [
                ("mv \"$1\" \"$1.away\" && mkdir \"$1\"", "is empty"), ("rmdir \"$1\"", "no such file"),
            ] {
                try await world.shell(script, [place])
                let result = try await world.stage(.collect, next)
                #expect(result.status == 3, "\(result)")
                #expect(result.errors.contains(place) && result.errors.contains(words), "\(result)")
                let state = try world.state(.collect, next)
                let units = state.failed.map(\.unit)
                #expect(state.state == "partial" && units == ["web1"], "\(state)")
                for program in [Program.pack, .ship] {
                    let other = try await world.stage(program, next)
                    #expect([0, 3].contains(other.status), "\(other)")
                }
                // The run before is whole, and so is the host that did not fail.
                let old = try await world.stockDifferences(to: sources)
                #expect(old == [])
                let restore = try await StockRestore(world, next)
                #expect(restore.rows["web1"] == nil)
                let other = restore.differences("web2", to: try #require(sources["web2"]))
                #expect(other == [])
            }
            // Mounted again, the same command completes the run.
            try await world.shell("mv \"$1.away\" \"$1\"", [place])
            try await world.night(next)
            let differences = try await world.stockDifferences(next, to: sources)
            let remains = try await world.remains()
            #expect(differences == [])
            #expect(remains == [])
        }

        @Test("A tree that is really empty is accepted with allow_empty, or when it never had an entry")
        func allowEmpty() async throws {
            var job = Pipeline.Job()
            job.hosts = ["web1"]
            let world = try Pipeline(job)
            _ = try world.host("web1")
            try await world.initialize()
            try await world.night()
            var restore = try await StockRestore(world, Pipeline.run)
            #expect(restore.rows["web1"]?.count == 0)

            try world.host("web1").file("acme/a", text: "a")
            try await world.night("2025-11-20")
            try await world.shell("rm -r \"$1\"/web1/acme", [world.source])
            let refused = try await world.stage(.collect, "2025-11-21")
            #expect(refused.status == 1 && refused.errors.contains("allow_empty"), "\(refused)")
            var allowing = world
            allowing.job.lines = ["allow_empty = true"]
            try allowing.writeSettings()
            try await allowing.night("2025-11-21")
            restore = try await StockRestore(world, "2025-11-21")
            #expect(restore.rows["web1"]?.count == 0)
            let old = try await StockRestore(world, "2025-11-20")
            #expect(old.rows["web1"]?.count == 2)
        }
    }
}
