import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Runs that build on each other, and what comes back of each.
    @Suite
    struct IncrementalTests {
        private static let days = ["2025-11-18", "2025-11-19", "2025-11-20"]

        /// Members by host, so that a restored tree has the shape of the sources.
        private static var job: Pipeline.Job {
            var job = Pipeline.Job()
            job.lines = ["member = \"{host}/{tenant}/{rest}\""]
            return job
        }

        /// The second and the third day.
        private static let changes = [
            """
            cd "$1"/web1
            echo new > acme/added
            echo changed >> acme/app.log
            rm globex/'with space'
            mkdir acme/more && echo deep > acme/more/deep
            mv globex/conf/a globex/conf/renamed
            ln acme/empty acme/also-empty
            chmod 0640 acme/empty
            ln -sfn big.log acme/latest
            cd ../web2
            chmod 0751 globex/conf
            chmod 0640 acme/app.log
            [ "$(id -u)" != 0 ] || chown -h 1234:4321 acme/latest globex/conf/a
            touch -h -d '2025-11-19 05:06:07.5' ../web1/acme/added ../web1/acme/app.log ../web1/acme/more/deep \\
                ../web1/acme/more ../web1/acme/latest ../web1/acme ../web1/globex ../web1/globex/conf
            """,
            """
            cd "$1"
            rm -r web1/acme/more
            printf 'the same size\\n' > web1/acme/added.2
            truncate -s 100 web1/acme/big.log
            touch -h -d '2025-11-20 05:06:07.25' web1/acme/added.2 web1/acme/big.log web1/acme
            """,
        ]

        /// Three nights of a job whose path has no date.
        private func nights() async throws -> (world: Pipeline, sources: [[String: FileTree]], whole: [FileTree]) {
            let world = try Pipeline(Self.job)
            try await SmallWorld.fill(world)
            try await world.initialize()
            var sources: [[String: FileTree]] = []
            var whole: [FileTree] = []
            for (number, day) in Self.days.enumerated() {
                if number > 0 { try await world.shell(Self.changes[number - 1], [world.source]) }
                sources.append(try await world.sourceTrees())
                whole.append(try FileTree(world.source))
                try await world.night(day)
            }
            return (world, sources, whole)
        }

        @Test("The commands of coldchain(7) bring back each run, with modes, owners and times as they were then")
        func page() async throws {
            let (world, sources, _) = try await nights()
            for (day, trees) in zip(Self.days, sources) {
                for (host, tree) in trees {
                    let place = "\(world.root)/page-\(day)-\(host)"
                    try await RestorePage.restore(world, day, host, to: place)
                    let differences = tree.differences(to: try FileTree("\(place)/\(host)"), Self.kept(day))
                    #expect(differences == [], "\(day)")
                }
            }
        }

        private func taken(_ world: Pipeline, _ day: String, _ host: String) async throws -> [String] {
            try await StockRestore.table("\(world.runDirectory(day))/collect/\(host).entries.tsv.gz")
                .filter { $0["action"] == "take" }.compactMap { $0["key"]?.description }.sorted()
        }

        @Test("A later run takes the changes alone, and each run comes back whole by stock tools")
        func stock() async throws {
            let (world, sources, _) = try await nights()
            for (day, trees) in zip(Self.days, sources) {
                // A carried entry has its new mode and owner in the manifest, which is compared too, its old ones in the tar.
                let aspects: FileTree.Aspects = day == Self.days[0] ? .faithful : [.fileTimes, .directoryTimes]
                let differences = try await world.stockDifferences(day, to: trees, aspects)
                #expect(differences == [], "\(day)")
            }
            let second = try await taken(world, Self.days[1], "web1")
            // globex/conf/b has lost the name that came first and held its bytes.
            #expect(
                second == [
                    "acme/", "acme/added", "acme/also-empty", "acme/app.log", "acme/latest", "acme/more/",
                    "acme/more/deep", "globex/", "globex/conf/", "globex/conf/b", "globex/conf/renamed",
                ], "\(second)")
            let third = try await taken(world, Self.days[2], "web1")
            #expect(third == ["acme/", "acme/added.2", "acme/big.log"])
            let other = try await taken(world, Self.days[2], "web2")
            #expect(other == [])
            let remains = try await world.remains()
            #expect(remains == [])
        }

        @Test("ship restore brings back each run, a tenant, a path, and a file on stdout")
        func restore() async throws {
            let (world, _, whole) = try await nights()
            for (day, tree) in zip(Self.days, whole) {
                let place = "\(world.root)/restored-\(day)"
                try await world.expect(.ship, ["restore", "logs", "--run", day, "--to", place])
                let expected = Self.below(tree) { _ in true }
                let restored = Self.below(try FileTree(place)) { _ in true }
                let differences = expected.differences(to: restored, Self.kept(day))
                #expect(differences == [], "\(day)")
                // Again: all is there already, and nothing is written.
                let before = try FileTree(place)
                let again = try await world.expect(.ship, ["restore", "logs", "--run", day, "--to", place])
                let changes = before.differences(to: try FileTree(place))
                #expect(again.output.hasPrefix("0 restored to "), "\(again)")
                #expect(changes == [])
            }
            let acme = world.root + "/acme"
            try await world.expect(
                .ship, ["restore", "logs", "--run", Self.days[1], "--tenant", "acme", "--to", acme])
            let expected = Self.below(whole[1]) { $0.count > 1 && $0[1] == "acme" }
            let tenant = expected.differences(to: Self.below(try FileTree(acme)) { _ in true }, Self.kept(Self.days[1]))
            #expect(tenant == [])

            let one = world.root + "/one"
            try await world.expect(
                .ship, ["restore", "logs", "web1/acme/more", "--run", Self.days[1], "--to", one])
            let paths = try FileTree(one).paths.map(\.description)
            #expect(paths == ["web1", "web1/acme", "web1/acme/more", "web1/acme/more/deep"])

            for (day, text) in zip(Self.days, ["one line of web1\n", "one line of web1\nchanged\n"]) {
                let result = try await world.expect(
                    .ship, ["restore", "logs", "web1/acme/app.log", "--run", day, "--stdout"])
                #expect(result.output == text, "\(day)")
            }
            let none = try await world(.ship, ["restore", "logs", "no/such", "--run", Self.days[0], "--to", one])
            #expect(none.status == 1 && none.errors.contains("no/such"), "\(none)")
            let noRun = try await world(.ship, ["restore", "logs", "--run", "2020-01-01", "--to", one])
            #expect(noRun.status == 1 && noRun.errors.contains("2020-01-01"), "\(noRun)")
        }

        /// A new name of a file that is carried lies in another archive than the file, so the two become two files.
        private static func kept(_ day: String) -> FileTree.Aspects {
            day == days[0] ? .faithful : .faithful.subtracting(.hardLinks)
        }

        /// The entries below the hosts.
        private static func below(_ tree: FileTree, _ selects: ([ByteString]) -> Bool) -> FileTree {
            var below = tree
            below.entries = tree.entries.filter { path, _ in
                let parts = path.components
                return parts.count > 1 && selects(parts)
            }
            return below
        }

        @Test("A single file comes back by the range that its manifest names, with head, tail and tar")
        func ranges() async throws {
            let (world, _, _) = try await nights()
            let restore = try await StockRestore(world, Self.days[2])
            let rows = restore.rows.values.joined().filter { $0["type"] == "f" }
            #expect(rows.count > 8)
            for row in rows {
                let cells = ["object", "offset", "length", "entry", "sha256"].map { row[$0]?.description ?? "" }
                try await world.shell(
                    """
                    set -eu
                    cd "$1"
                    found=$(tail -c "+$(($3 + 1))" "$2" | head -c "$4" | tar -xzOf - -- "$5" | sha256sum)
                    [ "$found" = "$6  -" ]
                    """, [world.vault] + cells)
            }
        }

        @Test("Once more, each program has nothing to do and changes no file")
        func again() async throws {
            let (world, _, _) = try await nights()
            let before = try await world.snapshot()
            let aspects: FileTree.Aspects = [.mode, .owner, .fileTimes, .linkTimes, .hardLinks]
            for program in Program.allCases {
                for day in Self.days {
                    try await world.expect(program, ["logs", "--run", day])
                    let changes = before.differences(to: try await world.snapshot(), aspects)
                    #expect(changes == [], "\(program.rawValue) \(day)")
                }
            }
            for program in [Program.pack, .ship] {
                let result = try await world.expect(program, ["logs"])
                #expect(result.output.contains("nothing to"), "\(result)")
            }
        }

        @Test("--force does everything anew, to the same archives under the same names")
        func force() async throws {
            let world = try Pipeline(Self.job)
            try await SmallWorld.fill(world)
            try await world.initialize()
            try await world.night()
            let (sources, paths, before) = (
                try await world.sourceTrees(), try await world.paths(), try FileTree(world.vault)
            )
            for program in Program.allCases {
                let attempt = try world.state(program).attempt
                try await world.expect(program, ["logs", "--run", Pipeline.run, "--force"])
                let next = try world.state(program).attempt
                #expect(attempt != next)
            }
            let after = try await world.paths()
            let changes = before.differences(to: try FileTree(world.vault))
            let differences = try await world.stockDifferences(to: sources)
            #expect(after == paths)
            #expect(changes == [])
            #expect(differences == [])
        }

        @Test("A job whose path has a date fills missed dates back to catch_up, the oldest first")
        func catchUp() async throws {
            var job = Pipeline.Job()
            job.path = "{yyyy}{mm}{dd}/{host}"
            job.lines = ["run = \"today\"", "catch_up = \"3 days\""]
            let world = try Pipeline(job)
            try await world.initialize()
            let script = "for back in 0 1 2 3 4; do date -u -d \"-$back days\" +%F; done"
            let dates = try await world.shell(script).lines
            func write(_ back: Int) throws {
                let day = dates[back].filter { $0 != "-" }
                for host in ["web1", "web2"] {
                    try TreeBuilder("\(world.source)/\(day)/\(host)").file("acme/log", text: "\(day) \(host)\n")
                }
            }
            for back in [0, 1, 3, 4] { try write(back) }
            for program in Program.allCases { try await world.expect(program, ["logs"]) }
            func runs() async throws -> [String] {
                try await world.shell("cd \"$1\"/logs && ls -d 2*", [world.staging]).lines
            }
            let first = try await runs()
            #expect(first == [dates[3], dates[1], dates[0]])
            // The missed one comes late, the one beyond catch_up never.
            try write(2)
            for program in Program.allCases { try await world.expect(program, ["logs"]) }
            let second = try await runs()
            #expect(second == [dates[3], dates[2], dates[1], dates[0]])
            for back in 0...3 {
                let day = dates[back].filter { $0 != "-" }
                var trees: [String: FileTree] = [:]
                for host in ["web1", "web2"] { trees[host] = try FileTree("\(world.source)/\(day)/\(host)") }
                let differences = try await world.stockDifferences(dates[back], to: trees)
                #expect(differences == [], "\(dates[back])")
            }
        }
    }
}
