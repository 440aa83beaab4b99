import FoundationEssentials
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// What comes back when not all can, and what list and restore say of what they have and have not.
    @Suite
    struct RestoreTests {
        private func world(_ lines: [String] = []) async throws -> Pipeline {
            var job = Pipeline.Job()
            job.lines = ["member = \"{host}/{tenant}/{rest}\""] + lines
            let world = try Pipeline(job)
            try await SmallWorld.fill(world)
            // In whatever zone the tests run.
            try await world.shell("find \"$1\" -exec touch -h -d '2025-11-18T01:02:03.5Z' {} +", [world.source])
            try await world.initialize()
            try await world.night()
            return world
        }

        private static func archive(_ tenant: String, _ host: String) -> String {
            "/logs/\(tenant)/2025/11/19/\(host).tar.gz"
        }

        private func restore(_ world: Pipeline, _ more: [String], status: Int32 = 0) async throws -> RunResult {
            try await world.expect(.ship, ["restore", "logs", "--run", Pipeline.run] + more, status: status)
        }

        /// The paths of files and links below a host.
        private static func files(_ tree: FileTree) -> Set<String> {
            Set(tree.entries.filter { $0.value.kind != .directory }.map(\.key.description))
        }

        @Test("What can't be restored is named with the reason, and all else comes back with its modes and times")
        func partial() async throws {
            let world = try await world()
            let place = world.root + "/restored"
            // One archive is damaged, one is gone, one file is in the way of another, and a directory in that of a link.
            try await world.shell(
                """
                set -eu
                printf 'no deflate data at all' | dd of="$1/vault$2" bs=1 seek=30 conv=notrunc status=none
                rm "$1/vault$3"
                mkdir -p "$4/web1/acme/latest"
                echo mine > "$4/web1/acme/app.log"
                """,
                [world.root, Self.archive("globex", "web1"), Self.archive("globex", "web2"), place])
            let result = try await restore(world, ["--to", place], status: 3)
            let lost = [
                "web1/globex/conf/a", "web1/globex/conf/b", "web1/globex/with space", "web2/globex/conf/a",
                "web2/globex/conf/b", "web2/globex/with space", "web1/acme/app.log", "web1/acme/latest",
            ]
            for name in lost { #expect(result.errors.contains("\(name): not restored: "), "\(name): \(result)") }
            #expect(result.errors.contains("vault" + Self.archive("globex", "web1")), "\(result)")
            #expect(result.errors.contains("vault" + Self.archive("globex", "web2")), "\(result)")
            #expect(result.errors.split(separator: "is there already").count == 3)
            #expect(result.errors.split(separator: "HINT").count == 2, "each hint once: \(result)")
            #expect(result.output.contains("8 could not be restored"), "\(result)")

            let tree = try FileTree(place)
            var expected = try FileTree(world.source)
            for name in lost { expected.entries[ByteString(name)] = nil }
            for host in ["web1", "web2"] as [ByteString] { expected.entries[host] = nil }
            var found = tree
            for name in ["web1", "web2", "web1/acme/app.log", "web1/acme/latest"] as [ByteString] {
                found.entries[name] = nil
            }
            let differences = expected.differences(to: found)
            #expect(differences == [])
            let mine = try TreeBuilder(place).root.descend(["web1", "acme"]).readFile("app.log")
            #expect(mine == Array("mine\n".utf8))

            let counted = try await restore(world, ["--to", place, "--json"], status: 3)
            let sums = try JSONDecoder().decode([String: Int].self, from: Data(counted.stdout))
            #expect(sums["failed"] == 8 && sums["restored"] == 0, "\(counted)")
            // Nothing of what was asked for is there.
            let one = try await restore(
                world, ["web2/globex/with space", "--to", world.root + "/one"], status: 1)
            #expect(one.output.hasPrefix("0 restored to "), "\(one)")
            // What was in the way is replaced when that is asked for, but for a directory.
            let forced = try await restore(world, ["--to", place, "--tenant", "acme", "--force"], status: 3)
            #expect(forced.output.hasPrefix("1 restored to ") && forced.output.contains(", 1 could not"), "\(forced)")
        }

        @Test("Entries of two hosts with one path and other content are a named conflict, with --force, too")
        func conflict() async throws {
            var job = Pipeline.Job()
            job.hosts = ["web1", "web2", "web3"]
            job.lines = ["member = \"{tenant}/{rest}\""]
            let world = try Pipeline(job)
            for host in job.hosts {
                let tree = try world.host(host)
                try tree.file("acme/same", text: "same\n")
                try tree.file(ByteString("acme/only.\(host)"), text: host)
            }
            try world.host("web1").file("acme/app.log", text: "one\n")
            try world.host("web2").file("acme/app.log", text: "two\n")
            try world.host("web2").symlink("acme/latest", to: "app.log")
            try world.host("web3").symlink("acme/latest", to: "same")
            try await world.initialize()
            try await world.night()
            let place = world.root + "/restored"
            for options in [[], ["--force"]] {
                let result = try await restore(world, ["--to", place] + options, status: 3)
                #expect(
                    result.errors.contains("acme/app.log: not restored: web1 has this path, too"), "\(result)")
                #expect(result.errors.contains("that of web2 is left out"), "\(result)")
                #expect(result.errors.contains("acme/latest: not restored: web2 has this path, too"), "\(result)")
                #expect(result.errors.contains("--host") && !result.errors.contains("--force"), "\(result)")
                #expect(result.output.contains("2 could not be restored"), "\(result)")
                let found = try await world.shell("cd \"$1/acme\" && cat app.log && readlink latest && ls", [place])
                #expect(
                    found.lines == [
                        "one", "app.log", "app.log", "latest", "only.web1", "only.web2", "only.web3", "same",
                    ])
            }
            let plan = try await restore(world, ["--dry-run"], status: 3)
            #expect(plan.errors.contains("acme/app.log: not restored"), "\(plan)")
            // The host that was left out comes back alone, even over the other's when that is asked for.
            _ = try await restore(world, ["--host", "web2", "--to", place, "--force"])
            let two = try await world.shell("cat \"$1/acme/app.log\"", [place])
            #expect(two.lines == ["two"])
            let other = world.root + "/web2"
            _ = try await restore(world, ["--host", "web2", "--to", other])
            let whole = try await world.sourceTree("web2")
            #expect(whole.differences(to: try FileTree(other)) == [])
        }

        @Test("A manifest that is damaged keeps its host back, and no other")
        func manifest() async throws {
            let world = try await world()
            let place = world.root + "/restored"
            try await world.shell(
                "truncate -s -10 \"$1/logs/_ledger/2025-11-19/web1.manifest.1.tsv.gz\"", [world.vault])
            let result = try await restore(world, ["--to", place], status: 3)
            #expect(result.errors.contains("host web1") && result.errors.contains("web1.manifest.1"), "\(result)")
            let source = try await world.sourceTree("web2")
            let differences = source.differences(to: try FileTree(place + "/web2"))
            #expect(differences == [])
            let made = try FileTree(place).entries["web1"]
            #expect(made == nil)
            _ = try await restore(world, ["--to", place, "--host", "web1"], status: 1)
        }

        @Test("A directory on the way is made as mkdir makes it, and is not counted", arguments: ["022", "027"])
        func way(_ mask: String) async throws {
            let world = try await world()
            let archive = world.vault + Self.archive("globex", "web1")
            let commands: [[String]] = [
                [Program.ship.path, "restore", "logs", "--run", Pipeline.run, "web1/globex/conf/a", "--to"],
                [Program.pack.path, "extract", archive, "web1/globex/conf/a", "--to"],
            ]
            for (number, command) in commands.enumerated() {
                let place = "\(world.root)/restored \(number)"
                let result = try await TestSupport.run(
                    ["bash", "-c", "umask \(mask) && exec \"$@\"", "bash"] + command + [place],
                    environment: world.environment)
                #expect(result.status == 0 && result.output.hasPrefix("1 restored to "), "\(result)")
                #expect(result.output.contains(" 0 were there already"), "\(result)")
                let mode: UInt32 = mask == "022" ? 0o755 : 0o750
                let tree = try FileTree(place)
                let modes = ["web1", "web1/globex", "web1/globex/conf"].map { tree.entries[$0]?.mode }
                #expect(modes == [mode, mode, mode])
                #expect(tree.entries["web1/globex/conf/a"]?.mode == 0o600)
                let root = try Directory.open(place).status().mode
                #expect(root == mode)
            }
        }

        private static let nothing: [[String]] = [
            ["--tenant", "nosuch"], ["--host", "nosuch"], ["nosuch*"], ["web1/acme", "--tenant", "globex"],
            ["web1/acme", "--host", "web2"], ["web1/acme", "nosuch"], ["--tenant", "acme", "--host", "web3"],
        ]

        @Test("What matches nothing ends list and restore with 1, and is named")
        func unmatched() async throws {
            let world = try await world()
            for options in Self.nothing {
                let place = world.root + "/restored"
                let dry = options + ["--dry-run"]
                for result in [
                    try await world.expect(.ship, ["list", "logs"] + options, status: 1),
                    try await restore(world, options + ["--to", place], status: 1),
                    try await restore(world, dry, status: 1),
                ] {
                    let named = options.contains {
                        result.errors.contains("has no ") && result.errors.contains("'\($0)'")
                    }
                    #expect(named, "\(options): \(result)")
                }
                let paths = try FileTree(place).paths
                #expect(paths == [], "\(options)")
            }
            try await world.expect(.ship, ["list", "logs", "--runs", "--host", "web3"], status: 1)
            try await world.expect(.ship, ["list", "logs", "--runs", "web1/acme"], status: 64)
            try await world.expect(.ship, ["list", "logs", "--runs", "--tenant", "acme"], status: 64)
            let runs = try await world.expect(.ship, ["list", "logs", "--runs", "--host", "*2"])
            #expect(runs.output == "2025-11-19  web2\n")
            let archive = world.vault + Self.archive("acme", "web1")
            for arguments in [["list", archive, "nosuch"], ["extract", archive, "nosuch", "--to", world.root + "/x"]] {
                let result = try await world.expect(.pack, arguments, status: 1)
                #expect(result.errors.contains("has no 'nosuch'"), "\(result)")
            }
        }

        @Test("What can't come back is no success of a look either, and what a run does not have is told")
        func absent() async throws {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try await world.shell("mkfifo \"$1/web1/acme/pipe\"", [world.source])
            try await world.initialize()
            for program in Program.allCases {
                try await world.expect(
                    program, ["logs", "--run", Pipeline.run] + (program == .collect ? ["--only", "web1"] : []),
                    status: program == .collect ? 3 : 0)
            }
            let place = world.root + "/restored"
            let one = try await restore(world, ["--to", place])
            #expect(one.errors.contains("web2: has no manifest in run 2025-11-19"), "\(one)")
            #expect(one.errors.contains("not kept when the run was collected: acme/pipe"), "\(one)")
            let pipe = try await restore(world, ["acme/pipe", "--to", place], status: 1)
            #expect(pipe.errors.contains("nothing of it was kept"), "\(pipe)")
            let path = "acme/web1/app.log"
            for options in [
                ["--stdout", "--dry-run"], ["--stdout", "--request"], ["--to", place + "2", "--dry-run"],
            ] {
                _ = try await restore(world, [path] + options)
            }
            try await world.shell("rm \"$1\"", [world.vault + Self.archive("acme", "web1")])
            for options in [["--stdout", "--dry-run"], ["--stdout", "--request"], ["--request"]] {
                let result = try await restore(world, [path] + options, status: 3)
                #expect(result.output.contains("unreadable"), "\(options): \(result)")
            }
            _ = try await restore(world, [path, "--stdout"], status: 1)
        }

        private struct Line: Decodable {
            var name: String
            var link: String?
            var modified: String
        }

        @Test("list names a further name's file as its own line does, and gives times of the job's zone")
        func links() async throws {
            let world = try await world(["timezone = \"Asia/Kolkata\""])
            let text = try await world.expect(.ship, ["list", "logs", "web1/globex/conf/*"])
            #expect(text.lines.count == 2 && text.lines[1].hasSuffix(" web1/globex/conf/b link to web1/globex/conf/a"))
            let times = text.lines.map { $0.contains(" 2025-11-18 06:32+05:30 web1/globex/conf/") }
            #expect(times == [true, true], "\(text)")
            let json = try await world.expect(
                .ship, ["list", "logs", "--json", "web1/globex/conf/b", "web2/acme/latest"])
            let lines = try json.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
            #expect(lines.map(\.name) == ["web1/globex/conf/b", "web2/acme/latest"])
            #expect(lines.map(\.link) == ["web1/globex/conf/a", "app.log"])
            #expect(lines.map(\.modified) == ["2025-11-18T06:32:03+05:30", "2025-11-18T06:32:03+05:30"])
        }

        @Test("An index or digest file given for an archive is told, with the archive to give")
        func sidecars() async throws {
            let world = try await world()
            let archive = world.vault + Self.archive("acme", "web1")
            for suffix in [".index.tsv.gz", ".sha256"] {
                let path = String(archive.dropLast(".tar.gz".utf8.count)) + suffix
                let verified = try await world.expect(.pack, ["verify", path, archive], status: 1)
                #expect(verified.lines.count == 2 && verified.lines[0].hasSuffix("; give \(archive)"), "\(verified)")
                #expect(verified.lines[1].hasPrefix("\(archive): OK"), "\(verified)")
                for command in ["list", "extract"] {
                    let result = try await world.expect(.pack, [command, path], status: 64)
                    #expect(result.errors.contains("; give \(archive)"), "\(result)")
                }
            }
            try TreeBuilder(world.root).file("MANIFEST.sha256", text: "")
            let other = try await world.expect(.pack, ["verify", world.root + "/MANIFEST.sha256"], status: 1)
            #expect(other.output.contains("is a list of digests, no archive\n"), "\(other)")
        }

        @Test("An archive without its index is proved by the digests in it, and one cut between members is not whole")
        func withoutIndex() async throws {
            let world = try await world()
            let archive = world.vault + Self.archive("acme", "web1")
            // The second member ends with big.log: without the rest, nothing but the list of digests is missing.
            let member = try await world.shell(
                "gzip -dc \"${1%.tar.gz}.index.tsv.gz\" | awk -F '\\t' '$1 == \"web1/acme/big.log\" { print $12 + $13 }'",
                [archive])
            let lone = world.root + "/lone.tar.gz"
            try await world.shell("cp \"$1\" \"$2\"", [archive, lone])
            let whole = try await world.expect(.pack, ["verify", lone])
            #expect(
                whole.output.contains("OK") && whole.output.contains("no index beside it")
                    && whole.output.contains("by MANIFEST.sha256"), "\(whole)")
            try await world.shell("truncate -s \"$2\" \"$1\" && gzip -t \"$1\"", [lone, member.lines[0]])
            let cut = try await world.expect(.pack, ["verify", lone], status: 1)
            #expect(cut.output.contains("does not end with MANIFEST.sha256"), "\(cut)")
        }

        @Test("What another program's archive has and can't be had here is told, and ends list and extract with 3")
        func foreign() async throws {
            let world = try Pipeline()
            let archive = world.root + "/foreign.tar.gz"
            let script = """
                import io, sys, tarfile
                with tarfile.open(sys.argv[1], 'w:gz', format=tarfile.GNU_FORMAT) as tar:
                    for name, kind, owner in [('odd', tarfile.REGTYPE, 4294967297), ('fifo', tarfile.FIFOTYPE, 0)]:
                        info = tarfile.TarInfo(name)
                        info.type, info.uid = kind, owner
                        tar.addfile(info, io.BytesIO())
                """
            let made = try await TestSupport.run(["python3", "-c", script, archive])
            #expect(made.status == 0, "\(made)")
            let listed = try await world.expect(.pack, ["list", archive], status: 3)
            #expect(listed.errors.contains("'odd': its user 4294967297 is beyond 4294967295"), "\(listed)")
            #expect(listed.lines.count == 2 && listed.lines[0].contains("4294967295/0"), "\(listed)")
            let result = try await world.expect(.pack, ["extract", archive, "--to", world.root + "/out"], status: 3)
            #expect(
                result.errors.contains("'odd': its user") && result.errors.contains("'fifo': left out"), "\(result)")
            #expect(try FileTree(world.root + "/out").paths == ["odd"])
            let verified = try await world.expect(.pack, ["verify", archive])
            #expect(verified.output.contains("OK, 2 entries") && verified.output.contains("not checked: the content"))
        }

        @Test("extract takes what is sound, names the rest, and settles what came back")
        func extract() async throws {
            let world = try await world()
            let archive = world.vault + Self.archive("acme", "web1")
            let place = world.root + "/extracted"
            try await world.shell("mkdir -p \"$1/web1/acme\" && echo mine > \"$1/web1/acme/app.log\"", [place])
            let result = try await world.expect(.pack, ["extract", archive, "--to", place], status: 3)
            #expect(result.errors.contains("web1/acme/app.log: not restored: "), "\(result)")
            var found = try FileTree(place + "/web1")
            found.entries = found.entries.filter { $0.key.hasPrefix("acme") && $0.key != "acme/app.log" }
            var expected = try await world.sourceTree("web1")
            expected.entries = expected.entries.filter { $0.key.hasPrefix("acme") && $0.key != "acme/app.log" }
            let differences = expected.differences(to: found)
            #expect(differences == [])
            let lone = world.root + "/lone.tar.gz"
            try await world.shell("cp \"$1\" \"$2\"", [archive, lone])
            let alone = try await world.expect(.pack, ["extract", lone, "--to", place], status: 3)
            #expect(alone.errors.contains("web1/acme/app.log: not restored: "), "\(alone)")
            try await world.expect(.pack, ["extract", lone, "--to", place, "--force"])
            _ = try await world.expect(.pack, ["extract", archive, "--to", place])
        }
    }
}
