import FoundationEssentials
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// A new server: the ledger from the vault alone, and what a vault has lost.
    @Suite
    struct RebuildTests {
        private static let next = "2025-11-20"

        private func nights() async throws -> Pipeline {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try await world.initialize()
            try await world.night()
            // Old enough to be carried.
            try await world.shell(
                "echo more > \"$1/web1/acme/more\"; find \"$1\" -exec touch -h -d '2025-11-18T01:02:03Z' {} +",
                [world.source])
            try await world.night(Self.next)
            return world
        }

        private struct Result: Decodable {
            var runs: Int
            var manifests: Int
            var others: Int
            var kept: Int
            var lost: [String]
            var remarks: [String]
            var problems: [String]
        }

        private func rebuild(_ world: Pipeline, _ more: [String] = [], status: Int32 = 0) async throws -> Result {
            let result = try await world.expect(.ship, ["rebuild", "logs", "--json"] + more, status: status)
            return try JSONDecoder().decode(Result.self, from: Data(result.stdout))
        }

        @Test("The ledger of a new server is that of the old one, and the next run carries by it")
        func whole() async throws {
            let world = try await nights()
            // What is no manifest comes along.
            try await world.shell(
                """
                set -eu
                cp -a "$1/logs/ledger" "$3"
                mkdir "$2/logs/_ledger/_audit"
                echo '{"action":"refuse","batch":"a","by":"root@old","job":"logs","stage":"ship","time":"2025-11-20T00:00:00Z","why":[]}' \\
                    > "$2/logs/_ledger/_audit/20251120T000000Z-a.jsonl"
                rm -rf "$1" "$4"
                """, [world.staging, world.vault, world.root + "/ledger", world.state])
            try await world.initialize()
            for program in [Program.collect, .ship] {
                let check = try await world.expect(program, ["check", "logs"], status: 1)
                #expect(
                    check.output.contains("FAILED  job logs: ledger: is empty on staging, though vault disk has 2 runs")
                )
                #expect(check.output.contains("Run 'ship rebuild logs' before the next collect"), "\(check)")
            }
            let dry = try await rebuild(world, ["--dry-run"])
            #expect(dry.runs == 2 && dry.manifests == 4 && dry.others == 1 && dry.kept == 0)
            let made = try await rebuild(world)
            #expect(made.runs == 2 && made.manifests == 4 && made.others == 1 && made.lost == [] && made.problems == [])
            try await world.shell(
                "diff -r --exclude=_audit --exclude=_retention \"$1\" \"$2/logs/ledger\" && test -s \"$2/logs/ledger/_audit/20251120T000000Z-a.jsonl\"",
                [world.root + "/ledger", world.staging])
            let again = try await rebuild(world)
            #expect(again.manifests == 0 && again.kept == 5)
            let check = try await world.expect(.collect, ["check", "logs"])
            #expect(check.output.contains("ok      job logs: ledger"), "\(check)")
            try await world.night("2025-11-21", [.collect])
            let list = try await StockRestore.table("\(world.runDirectory("2025-11-21"))/collect/web1.entries.tsv.gz")
            #expect(list.allSatisfy { $0["action"] == "carry" })
        }

        /// What prune would do, without the moment.
        private func dryRun(_ world: Pipeline) async throws -> [String] {
            try await world.expect(.ship, ["prune", "logs", "--dry-run", "--json"]).lines.filter {
                !$0.contains("\"now\"")
            }
        }

        @Test("Holds, quarantine and what is retired come back from the vault alone, and prune decides as before")
        func retention() async throws {
            var job = Pipeline.Job()
            job.lines = [
                "member = \"{host}/{tenant}/{rest}\"", "[retention]", "keep_last = 1", "grace = \"0 days\"",
            ]
            let world = try Pipeline(job)
            try await SmallWorld.fill(world)
            // Of one host alone, so that a hold of it keeps that host's manifests, and not the other's.
            try world.host("web2").file("initech/log", text: "of web2\n")
            try await world.initialize()
            for (number, day) in ["2025-11-17", "2025-11-18", "2025-11-19"].enumerated() {
                try await world.shell("echo $2 > \"$1\"/web1/acme/day$2", [world.source, "\(number)"])
                try await world.night(day)
            }
            let approve = ["prune", "logs", "--approve", "acme", "--approve", "globex", "--approve", "initech"]
            for _ in 1...2 { try await world.expect(.ship, approve) }
            try await world.expect(.ship, ["undo", "logs", "--run", "2025-11-17"])
            try await world.expect(.ship, approve)
            try await world.expect(.ship, ["hold", "logs", "--tenant", "globex", "--why", "over soon"])
            try await world.expect(.ship, ["hold", "logs", "--tenant", "globex", "--why", "over", "--release"])
            let hold = ["hold", "logs", "--tenant", "initech", "--until", "2999-12-31", "--why", "court"]
            try await world.expect(.ship, hold)
            let before = try await dryRun(world)
            // What was in quarantine and what was retired, of the tenant that is held and of the other one.
            for word in ["release", "retire", "leave"] {
                #expect(before.contains { $0.contains("\"decision\" : \"\(word)\"") }, "\(word): \(before)")
            }
            let holds = try await world.expect(.ship, ["hold", "logs"])
            let audit = try await world.expect(.ship, ["audit", "logs", "--json"])
            let ledger = try await world.shell(
                "cd \"$1/logs/ledger\" && find . -name '*.manifest.*' | sort", [world.staging])
            try await world.shell("rm -rf \"$1\" \"$2\"", [world.staging, world.state])

            try await world.initialize()
            let dry = try await world.expect(.ship, ["rebuild", "logs", "--dry-run"])
            #expect(dry.output.contains("1 hold,") && dry.output.contains("on the way out"), "\(dry)")
            let none = try await world.expect(.ship, ["hold", "logs"])
            #expect(none.output.contains("no holds"), "\(none)")
            let made = try await rebuild(world)
            #expect(made.problems == [] && made.lost == [], "\(made)")
            let after = try await dryRun(world)
            #expect(after == before)
            let heldNow = try await world.expect(.ship, ["hold", "logs"])
            #expect(heldNow.output == holds.output)
            let auditNow = try await world.expect(.ship, ["audit", "logs", "--json"])
            #expect(auditNow.lines == audit.lines.filter { !$0.contains("\"refuse\"") })
            let ledgerNow = try await world.shell(
                "cd \"$1/logs/ledger\" && find . -name '*.manifest.*' | sort", [world.staging])
            #expect(ledgerNow.output == ledger.output)

            // Where the marks of the vault say something else, less is deleted.
            try await world.shell(
                """
                set -eu
                rm -rf "$1" "$2"
                find "$3" -name '.*.tar.gz.retired' -delete
                """, [world.staging, world.state, world.vault])
            try await world.initialize()
            _ = try await rebuild(world)
            let careful = try await dryRun(world)
            #expect(!careful.contains { $0.contains("\"decision\" : \"leave\"") && $0.contains("archive") })
            let undo = try await world.expect(.ship, ["undo", "logs", "--json"])
            #expect(undo.output.contains("\"quarantined\""), "\(undo)")
            // The log is the memory: a line that can't be read is told.
            try await world.shell(
                """
                set -eu
                rm -rf "$1" "$2"
                file=$(find "$3/logs/_ledger/_audit" -name '*.jsonl' | sort | head -n 1)
                chmod u+w "$file"
                truncate -s 20 "$file"
                """, [world.staging, world.state, world.vault])
            try await world.initialize()
            let torn = try await rebuild(world, status: 3)
            #expect(torn.problems.contains { $0.contains("is no line of the audit log") }, "\(torn)")
        }

        @Test(
            "A run that prune has let go in one of two vaults is no problem; one that is missing is, in either of them")
        func vaultsApart() async throws {
            var job = Pipeline.Job()
            job.lines = ["copies = [\"disk\", \"second\"]", "[retention]", "keep_last = 1", "grace = \"0 days\""]
            let world = try Pipeline(job)
            try await SmallWorld.fill(world)
            let second = world.root + "/second"
            try await world.shell(
                "printf '[vault.second]\nurl = \"file://%s\"\n' \"$2\" >> \"$1\"", [world.config, second])
            try await world.initialize()
            let days = ["2025-11-17", "2025-11-18"]
            for day in days {
                try await world.shell("echo $2 > \"$1\"/web1/acme/day$2", [world.source, day])
                try await world.night(day)
            }
            let prune = ["prune", "logs", "--vault", "disk", "--expire", "--approve", "acme", "--approve", "globex"]
            for _ in 1...3 { try await world.expect(.ship, prune) }
            try await world.shell(
                """
                set -eu
                rm -r "$1" "$2"
                test ! -e "$3/logs/_ledger/2025-11-17"
                test -e "$4/logs/_ledger/2025-11-17"
                """, [world.staging, world.state, world.vault, second])
            try await world.initialize()
            let told = try await world.expect(.ship, ["rebuild", "logs", "--dry-run"])
            #expect(told.errors.contains("prune has let web1, web2 go in vault disk"), "\(told)")
            let made = try await rebuild(world)
            #expect(made.runs == 1 && made.manifests == 2 && made.problems == [] && made.remarks.count == 1, "\(made)")
            // What is gone without a word of prune is missing.
            for place in [world.vault, second] {
                try await world.shell(
                    "mv \"$1/logs/_ledger/2025-11-18/web2.manifest.1.tsv.gz\" \"$2/away\"", [place, world.root])
                let name = place == second ? "second" : "disk"
                let missing = try await rebuild(world, ["--dry-run"], status: 3)
                #expect(missing.remarks.count == 1 && missing.problems.count == 1, "\(missing)")
                #expect(
                    missing.problems[0].contains("web2, run 2025-11-18: vault \(name) has no manifest"), "\(missing)")
                try await world.shell(
                    "mv \"$2/away\" \"$1/logs/_ledger/2025-11-18/web2.manifest.1.tsv.gz\"", [place, world.root])
            }
        }

        @Test(
            "A manifest that is not what its digest says is told, and the one before it counts; other bytes are left alone"
        )
        func damaged() async throws {
            let world = try await nights()
            let place = world.vault + "/logs/_ledger/2025-11-19"
            try await world.shell(
                """
                set -eu
                cd "$1"
                cp web1.manifest.1.tsv.gz web1.manifest.2.tsv.gz
                printf '%064d  web1.manifest.2.tsv.gz\\n' 0 > web1.manifest.2.tsv.gz.sha256
                echo other > "$2/logs/ledger/2025-11-19/web2.manifest.1.tsv.gz"
                rm "$2/logs/ledger/2025-11-19/"web1*
                """, [place, world.staging])
            let result = try await rebuild(world, status: 3)
            #expect(result.manifests == 1 && result.kept == 2 && result.problems.count == 2, "\(result)")
            #expect(result.problems.contains { $0.contains("web1.manifest.2") && $0.contains("digest file") })
            #expect(result.problems.contains { $0.contains("web2.manifest.1") && $0.contains("left alone") })
            let kept = try world.read(world.staging + "/logs/ledger/2025-11-19/web2.manifest.1.tsv.gz")
            #expect(kept == Array("other\n".utf8))
            // A vault that is not there is no empty ledger.
            try await world.shell("mv \"$1\" \"$1.aside\"", [world.vault])
            try await world.expect(.ship, ["rebuild", "logs"], status: 1)
        }

        @Test("What an archive held that the vault has lost is collected again, and said, and the run comes back whole")
        func lost() async throws {
            let world = try await nights()
            let object = "logs/acme/2025/11/20/web1.tar.gz"
            try await world.shell("rm \"$1/$2\"; rm -r \"$3/logs/2025-11-20\"", [world.vault, object, world.staging])
            let third = "2025-11-21"
            try await world.night(third, [.collect, .pack])
            let noticed = try await world.stage(.ship, third)
            #expect(noticed.status == 3 && noticed.errors.contains(object), "\(noticed)")
            let again = try await world.expect(.collect, ["logs", "--run", third, "--only", "web1", "--force"])
            #expect(again.errors.contains("collected again: a vault has lost"), "\(again)")
            try await world.night(third, [.pack, .ship])
            let differences = try await world.stockDifferences(
                third, to: try await world.sourceTrees(), [.fileTimes, .mode])
            #expect(differences == [])
            // From here on it is carried from where it is now.
            try await world.night("2025-11-22")
            // A new server notices the same from the listing.
            try await world.shell("rm -rf \"$1\" \"$2\"", [world.staging, world.state])
            try await world.initialize()
            let result = try await rebuild(world)
            #expect(result.lost == [object], "\(result)")
        }
    }
}
