import FoundationEssentials
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// What the command line promises: narrowing, dry runs, JSON, pauses, messages, exit status.
    @Suite
    struct CommandTests {
        private func world() async throws -> Pipeline {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try await world.initialize()
            return world
        }

        @Test("--only takes the units that match, never closes the stage, and the rest follows")
        func only() async throws {
            let world = try await world()
            let sources = try await world.sourceTrees()
            let one = try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--only", "web1"], status: 3)
            #expect(one.output.contains("partial, 1 unit, 1 left out"), "\(one)")
            let status = try await world.expect(.collect, ["status"])
            #expect(status.output.contains("1 left out by --only or --tenant"), "\(status)")
            var paths = try await world.paths()
            #expect(paths.contains("staging/logs/2025-11-19/records/collect/web1.json"))
            #expect(!paths.contains("staging/logs/2025-11-19/records/collect/web2.json"))
            #expect(try world.state(.collect).state == "partial")
            try await world.expect(.collect, ["logs", "--run", Pipeline.run])

            // As the dry run shows it, with the suffix.
            let shown = ["logs", "--run", Pipeline.run, "--only", "acme/2025/11/19/web1.tar.gz"]
            let named = try await world.expect(.pack, shown + ["--dry-run"])
            #expect(named.lines.filter { $0.contains("would be packed") }.count == 1, "\(named)")
            try await world.expect(.pack, shown, status: 3)
            try await world.expect(.pack, ["logs", "--run", Pipeline.run, "--tenant", "acme"], status: 3)
            paths = try await world.paths()
            let packed = paths.filter { $0.contains("/pack/") && $0.hasSuffix(".tar.gz") }
            #expect(packed.count == 2)
            let ofTenant = packed.filter { $0.contains("/pack/acme/") }
            #expect(ofTenant == packed)
            try await world.expect(.pack, ["logs", "--run", Pipeline.run])

            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--only", "globex/*"], status: 3)
            paths = try await world.paths()
            let shipped = paths.filter { $0.hasPrefix("vault/") && $0.hasSuffix(".tar.gz") }
            #expect(shipped.count == 2)
            // No host is whole in the vault yet.
            let manifests = paths.filter { $0.contains("_ledger") && $0.hasSuffix(".gz") }
            #expect(manifests == [])
            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--tenant", "acme"], status: 3)
            try await world.expect(.ship, ["logs", "--run", Pipeline.run])
            let differences = try await world.stockDifferences(to: sources)
            let remains = try await world.remains()
            #expect(differences == [])
            #expect(remains == [])
        }

        @Test("Options may stand before a command, and what stands in the wrong place is told the right one")
        func wordOrder() async throws {
            let world = try Pipeline()
            try await world.initialize()
            for program in Program.allCases {
                var elsewhere = world.environment
                elsewhere["COLDCHAIN_CONFIG"] = "/nowhere"
                let first = try await TestSupport.run(
                    [program.path, "--config", world.config, "--json", "status", "logs"], environment: elsewhere)
                #expect(first.status == 0 && first.output.contains("\"rows\""), "\(first)")
                let swapped = try await world.expect(program, ["-v", "logs", "status", "--json"], status: 64)
                #expect(swapped.errors.contains("'status' is a command, and stands before the job"), "\(swapped)")
                #expect(swapped.errors.contains("HINT: Run '\(program.rawValue) status logs ...'."), "\(swapped)")
            }
            let other = try await world.expect(.collect, ["--quiet", "restore", "logs"], status: 64)
            #expect(other.errors.contains("'restore' is a command of ship, not a job"), "\(other)")
            // What the command does not have is said by the command.
            let unknown = try await world.expect(.ship, ["--force", "status"], status: 64)
            #expect(unknown.errors.contains("--force") && unknown.errors.contains("status"), "\(unknown)")
        }

        @Test("collect refuses --tenant, since it takes whole hosts")
        func tenant() async throws {
            let world = try await world()
            try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--tenant", "acme"], status: 64)
            let narrowed = ["logs", "--run", Pipeline.run, "--tenant", "acme", "--dry-run"]
            let plan = try await world.expect(.collect, narrowed)
            // The tenant's directory, four entries below it, and the big one of the first host.
            #expect(plan.output.contains("web1: would collect 6 entries ("), "\(plan)")
            #expect(plan.output.contains("web2: would collect 5 entries ("), "\(plan)")
            try await world.night(Pipeline.run, [.collect])
            let done = try await world.expect(.collect, narrowed)
            #expect(done.output.contains("web1: is done") && done.output.contains("web2: is done"), "\(done)")
        }

        @Test("A selection that nothing matches ends with 1 in every stage, done or not, and leaves nothing behind")
        func typo() async throws {
            let world = try await world()
            for program in Program.allCases {
                for isDone in [false, true] {
                    if isDone { try await world.night(Pipeline.run, [program]) }
                    let before = try await world.snapshot()
                    for options in [[], ["--dry-run"], ["--run", Pipeline.run]] {
                        let arguments = ["logs", "--only", "wbe1"] + options
                        let result = try await world.expect(program, arguments, status: 1)
                        #expect(result.errors.contains("matches --only"), "\(result)")
                    }
                    let after = try await world.snapshot().entries.keys.filter { !Self.empty.contains($0) }
                    let paths = before.entries.keys.filter { !Self.empty.contains($0) }
                    #expect(after.sorted() == paths.sorted(), "\(program.rawValue)")
                }
            }
        }

        @Test("--only finds its units in whatever pending run they are")
        func onlyOfTwoRuns() async throws {
            let world = try await world()
            try await world.night("2025-11-18", [.collect])
            try await world.shell("echo more >> \"$1/web1/acme/app.log\"", [world.source])
            try await world.night(Pipeline.run, [.collect])
            for program in [Program.pack, .ship] {
                let result = try await world.expect(program, ["logs", "--only", "acme/2025/11/19/*"], status: 3)
                #expect(!result.output.contains("2025-11-18"), "\(result)")
                try await world.expect(program, ["logs"])
            }
        }

        @Test("A failure that a narrowed attempt leaves alone is still told, by it and by status")
        func failureStands() async throws {
            let world = try await world()
            try await world.shell("mv \"$1/web2\" \"$1/away\"", [world.source])
            let first = try await world.expect(.collect, ["logs", "--run", Pipeline.run], status: 3)
            // The reason goes to stderr alone.
            #expect(first.errors.contains("web2: open \(world.source)/web2"), "\(first)")
            #expect(first.output.contains("failed: web2\n") && !first.output.contains(world.source), "\(first)")
            let second = try await world.expect(
                .collect, ["logs", "--run", Pipeline.run, "--only", "web1", "--force"], status: 3)
            #expect(second.output.contains("failed before: web2: open \(world.source)/web2"), "\(second)")
            let status = try await world.expect(.collect, ["status"])
            #expect(status.output.contains("web2: open \(world.source)/web2"), "\(status)")
            try await world.shell("mv \"$1/away\" \"$1/web2\"", [world.source])
            try await world.expect(.collect, ["logs", "--run", Pipeline.run])
        }

        @Test("A day that has not come is refused; a run in which nothing was collected can be discarded")
        func emptyRuns() async throws {
            let world = try await world()
            let before = try await world.snapshot()
            for options in [[], ["--dry-run"]] {
                let refused = try await world.expect(.collect, ["logs", "--run", "2162-11-19"] + options, status: 64)
                #expect(refused.errors.contains("has not come"), "\(refused)")
            }
            for options in [[], ["--run", Pipeline.run, "--force"], ["--run", Pipeline.run, "--only", "web1"]] {
                try await world.expect(.collect, ["logs", "--discard"] + options, status: 64)
            }
            var changes = before.differences(to: try await world.snapshot(), [.mode])
            #expect(changes.allSatisfy { $0.contains("staging/logs") || $0.contains("state/scratch") }, "\(changes)")

            try await world.night(Pipeline.run)
            try await world.shell("mv \"$1\" \"$1.away\"", [world.source])
            let whole = try await world.snapshot()
            try await world.expect(.collect, ["logs", "--run", "2025-11-20"], status: 1)
            let discard = ["logs", "--run", "2025-11-20", "--discard"]
            let plan = try await world.expect(.collect, discard + ["--dry-run"])
            #expect(plan.output.contains("would be discarded"), "\(plan)")
            try await world.expect(.collect, discard)
            let full = try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--discard"], status: 1)
            #expect(full.errors.contains("is not empty"), "\(full)")
            changes = whole.differences(to: try await world.snapshot(), [.mode])
            #expect(changes == [])
            let status = try await world.expect(.collect, ["status"])
            #expect(!status.output.contains("2025-11-20"), "\(status)")
        }

        @Test("The command of another program is told as such", arguments: Program.allCases)
        func otherCommand(_ program: Program) async throws {
            let world = try await world()
            for (verb, owner) in [("init", "collect"), ("extract", "pack"), ("restore", "ship")]
            where owner != program.rawValue {
                for arguments in [[verb], [verb, "some/thing", "--to", "x"]] {
                    let result = try await world.expect(program, arguments, status: 64)
                    #expect(result.errors.contains("'\(verb)' is a command of \(owner), not a job"), "\(result)")
                }
            }
        }

        /// The places that the first look at a job makes, empty.
        private static let empty: Set<ByteString> = [
            "staging", "staging/logs", "staging/logs/ledger", "state", "state/scratch",
        ]

        @Test("--dry-run changes nothing but that it may make a job's empty places", arguments: Program.allCases)
        func dryRun(_ program: Program) async throws {
            let world = try await world()
            for next in Program.allCases {
                if next == program {
                    for options in [[], ["--json"], ["--verbose"], ["--force"]] {
                        var before = try await world.snapshot()
                        let result = try await world.expect(
                            program, ["logs", "--run", Pipeline.run, "--dry-run"] + options)
                        var after = try await world.snapshot()
                        for path in Self.empty {
                            before.entries[path] = nil
                            after.entries[path] = nil
                        }
                        let changes = before.differences(to: after)
                        #expect(changes == [], "\(options)")
                        #expect(!result.output.isEmpty)
                    }
                }
                try await world.night(Pipeline.run, [next])
            }
        }

        @Test("collect --dry-run plans the other hosts where one can't be planned, and names that one")
        func dryRunOfSome() async throws {
            var job = Pipeline.Job()
            job.hosts = ["gone", "web1", "web2"]
            job.lines = ["[host.web2]", "ready = \"_READY\""]
            let world = try Pipeline(job)
            try world.host("web1").file("acme/a", text: "a")
            let late = try world.host("web2")
            try late.file("acme/a", text: "a")
            try await world.initialize()
            let command = ["logs", "--run", Pipeline.run, "--dry-run"]
            let result = try await world.expect(.collect, command, status: 3)
            #expect(result.lines.count == 3, "\(result)")
            #expect(result.output.contains("logs 2025-11-19 gone: can't be planned"), "\(result)")
            #expect(
                result.output.contains(
                    "logs 2025-11-19 web1: would collect 2 entries (1 B) to take: 2 new; 0 carried; 0 skipped"),
                "\(result)")
            #expect(result.output.contains("logs 2025-11-19 web2: is to be tried later"), "\(result)")
            #expect(result.errors.contains("gone: open \(world.source)/gone: no such file"), "\(result)")
            #expect(result.errors.contains("'_READY' is not there"), "\(result)")

            struct Plan: Decodable {
                var host: String
                var why: String?
            }
            let told = try await world.expect(.collect, command + ["--json"], status: 3)
            let plans = try JSONDecoder().decode([Plan].self, from: Data(told.stdout))
            #expect(plans.map(\.host) == ["gone", "web1", "web2"])
            #expect(plans.map { $0.why == nil } == [false, true, false])

            // What only is to be tried later is told as such, and one host that fails alone has failed.
            try await world.expect(.collect, command + ["--only", "web*"], status: 75)
            try await world.expect(.collect, command + ["--only", "gone"], status: 1)
            try late.file("_READY")
            _ = try world.host("gone")
            try await world.expect(.collect, command)
        }

        @Test("A stage record that is torn, or of another format, is a row of status that says so, beside all others")
        func unreadableRecord() async throws {
            let world = try await world()
            try await world.night()
            try await world.night("2025-11-20", [.collect])
            let run = world.runDirectory()
            try await world.shell(
                "truncate -s 40 \"$1/pack.json\" && sed -i 's/\"format\" : 1/\"format\" : 7/' \"$1/ship.json\"", [run])
            for program in Program.allCases {
                let status = try await world.expect(program, ["status"])
                #expect(status.lines.count == 7, "a head and three rows for each of two runs: \(status)")
                let rows = status.lines.map { $0.split(separator: " ").prefix(4).joined(separator: " ") }
                #expect(rows[1] == "logs 2025-11-19 collect done", "\(status)")
                #expect(rows[2] == "logs 2025-11-19 pack unreadable", "\(status)")
                #expect(status.lines[2].contains("\(run)/pack.json: is no valid JSON record"), "\(status)")
                #expect(rows[3] == "logs 2025-11-19 ship unreadable", "\(status)")
                #expect(status.lines[3].contains("\(run)/ship.json: is a record of format 7"), "\(status)")
                #expect(rows[4] == "logs 2025-11-20 collect done", "\(status)")
            }
        }

        @Test("--json is JSON, everywhere")
        func json() async throws {
            let world = try await world()
            let archive = world.runDirectory() + "/pack/acme/2025/11/19/web1.tar.gz"
            var commands: [(Program, [String])] = []
            for program in Program.allCases {
                commands.append((program, ["logs", "--run", Pipeline.run, "--dry-run"]))
                commands.append((program, ["status"]))
                commands.append((program, ["logs", "--run", Pipeline.run]))
                commands.append((program, ["status", "logs", "--run", Pipeline.run]))
                commands.append((program, ["check", "logs"]))
            }
            commands.append((.pack, ["verify", archive]))
            commands.append((.pack, ["list", archive]))
            commands.append((.ship, ["list", "logs"]))
            commands.append((.ship, ["list", "logs", "--runs"]))
            commands.append((.ship, ["restore", "logs", "--run", Pipeline.run, "--dry-run"]))
            commands.append((.ship, ["restore", "logs", "--run", Pipeline.run, "--to", world.root + "/restored"]))
            for (program, arguments) in commands {
                // check looks at yesterday's sources, which a job without a date has.
                let result = try await world.expect(program, arguments + ["--json"])
                // One document, or one on each line.
                let parsed = try await TestSupport.run(
                    [
                        "python3", "-c",
                        """
                        import json, sys
                        text = sys.stdin.read()
                        try:
                            json.loads(text)
                        except ValueError:
                            lines = [json.loads(line) for line in text.splitlines()]
                            assert lines
                        """,
                    ], stdin: result.stdout)
                #expect(parsed.status == 0, "\(program.rawValue) \(arguments): \(result) \(parsed)")
            }
        }

        @Test("status shows how the runs stand, the same from all three programs")
        func status() async throws {
            let world = try await world()
            let none = try await world.expect(.pack, ["status"])
            #expect(none.output.contains("no runs yet"), "\(none)")
            let unknown = try await world.expect(.pack, ["status", "logs", "--run", "2025-11-01"])
            #expect(unknown.output.contains("job 'logs' has no run 2025-11-01"), "\(unknown)")
            try await world.night(Pipeline.run, [.collect, .pack])
            var tables: Set<String> = []
            for program in Program.allCases { tables.insert(try await world.expect(program, ["status"]).output) }
            #expect(tables.count == 1)
            let words = tables.first?.split(whereSeparator: \.isWhitespace).map(String.init) ?? []
            let done = words.filter { $0 == "done" }.count
            #expect(done == 2 && words.contains("waiting"), "\(tables)")
        }

        @Test("Times are told in the zone of the job, with its offset, by status and by ship list")
        func zone() async throws {
            var world = try await world()
            world.job.lines = ["timezone = \"Asia/Kathmandu\""]
            try world.writeSettings()
            try await world.night()
            let status = try await world.expect(.pack, ["status"])
            let rows = status.lines.filter { $0.contains("2025-11-19") }
            #expect(rows.count == 3 && rows.allSatisfy { $0.contains("+05:45") }, "\(status)")
            let list = try await world.expect(.ship, ["list", "logs", "acme/web1/app.log"])
            #expect(list.output.contains(" 2025-11-18 06:47+05:45 acme/web1/app.log"), "\(list)")
        }

        @Test("A paused stage ends with 75 and the reason until it is resumed", arguments: Program.allCases)
        func pause(_ program: Program) async throws {
            let world = try await world()
            for before in Program.allCases.prefix(while: { $0 != program }) {
                try await world.night(Pipeline.run, [before])
            }
            try await world.expect(program, ["pause", "logs", "--why", "disk swap"])
            let paused = try await world.expect(program, ["logs", "--run", Pipeline.run], status: 75)
            #expect(paused.errors.contains("disk swap") && paused.errors.contains("resume"), "\(paused)")
            let status = try await world.expect(.collect, ["status"])
            #expect(status.output.contains("disk swap"), "\(status)")
            let check = try await world(.collect, ["check"])
            #expect(check.output.contains("logs: \(program.rawValue): is paused since"), "\(check)")
            // Only a reason that is given replaces another, and says so.
            let kept = try await world.expect(program, ["pause", "logs"])
            #expect(kept.output.contains("stays paused") && kept.output.contains("disk swap"), "\(kept)")
            let replaced = try await world.expect(program, ["pause", "logs", "--why", "new array"])
            #expect(replaced.output.contains("until now it was paused since"), "\(replaced)")
            let later = try await world.expect(.collect, ["status"])
            #expect(later.output.contains("new array") && !later.output.contains("disk swap"), "\(later)")
            let asJSON = try await world.expect(program, ["pause", "logs", "--json"])
            #expect(asJSON.output.contains("\"why\" : \"new array\""), "\(asJSON)")
            let resumed = try await world.expect(program, ["resume", "logs", "--json"])
            #expect(resumed.output.contains("\"wasPaused\" : true"), "\(resumed)")
            try await world.expect(program, ["logs", "--run", Pipeline.run])
        }

        @Test("A stage before its turn: 75 where the run is not ready, 1 where there is none")
        func order() async throws {
            let world = try await world()
            let none = try await world.expect(.pack, ["logs", "--run", Pipeline.run], status: 1)
            #expect(none.errors.contains("has no run 2025-11-19") && none.errors.contains("collect"), "\(none)")
            try await world.expect(.pack, ["logs"])
            try await world.night(Pipeline.run, [.collect])
            let early = try await world.expect(.ship, ["logs", "--run", Pipeline.run], status: 75)
            #expect(early.errors.contains("pack"), "\(early)")
        }

        private static let wrongUse: [[String]] = [
            [], ["nosuch"], ["logs", "--run", "yesterday"], ["logs", "--run", "2026-02-30"],
            ["logs", "--workers", "-1"],
            ["logs", "--nosuch"], ["logs", "--quiet", "--verbose"], ["statsu"],
        ]

        @Test("A wrong command line ends with 64 and changes nothing", arguments: Program.allCases)
        func usage(_ program: Program) async throws {
            let world = try await world()
            let before = try await world.snapshot()
            for arguments in Self.wrongUse {
                let result = try await world.expect(program, arguments, status: 64)
                #expect(!result.errors.isEmpty && result.output.isEmpty, "\(arguments): \(result)")
            }
            let near = try await world(program, ["statsu"])
            #expect(near.errors.contains("status"), "\(near)")
            let unknown = try await world(program, ["lgos"])
            #expect(unknown.errors.contains("logs"), "\(unknown)")
            let changes = before.differences(to: try await world.snapshot())
            #expect(changes == [])
        }

        private static let wrongSettings: [(line: String, words: String)] = [
            ("layuot = \"x\"", "layout"), ("catch_up = \"soon\"", "catch_up"), ("vault = \"dsik\"", "disk"),
            ("unmatched = \"maybe\"", "unmatched"), ("timezone = \"Europe/Atlantis\"", "timezone"), ("= 3", "7"),
        ]

        @Test("Wrong settings end with 78, told with file and line", arguments: Program.allCases)
        func settings(_ program: Program) async throws {
            var world = try await world()
            let file = world.root + "/etc/jobs.d/logs.toml"
            for (line, words) in Self.wrongSettings {
                world.job.lines = ["# a comment", line]
                try world.writeSettings()
                let result = try await world.expect(program, ["logs", "--run", Pipeline.run], status: 78)
                #expect(result.errors.contains("\(file):7") && result.errors.contains(words), "\(line): \(result)")
            }
            let missing = try await world.expect(
                program, ["logs", "--config", world.root + "/none.toml"], status: 78)
            #expect(missing.errors.contains(world.root + "/none.toml"), "\(missing)")
        }

        @Test("--version and --help answer without any settings", arguments: Program.allCases)
        func help(_ program: Program) async throws {
            for option in ["--version", "--help"] {
                let result = try await TestSupport.run([program.path, option], environment: ["COLDCHAIN_CONFIG": nil])
                #expect(result.status == 0 && !result.output.isEmpty && result.errors.isEmpty, "\(result)")
            }
        }
    }
}
