import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Archives that `max_archive` splits into volumes.
    @Suite
    struct VolumeTests {
        private func world(_ archive: String? = nil, limit: String = "1 MiB") async throws -> Pipeline {
            var job = Pipeline.Job()
            if let archive { job.archive = archive }
            job.lines = ["max_archive = \"\(limit)\""]
            let world = try Pipeline(job)
            var random = SplitMix64(seed: 41)
            for host in job.hosts {
                let tree = try world.host(host)
                for number in 0..<6 {
                    try tree.file(ByteString("acme/day/\(number).log"), random.bytes(300_000))
                }
                try tree.hardLink("acme/day/9.link", to: "acme/day/0.log")
                try tree.hardLink("acme/day/0.near", to: "acme/day/0.log")
                try tree.file("acme/huge.log", random.text(2_500_000))
                try tree.file("acme/last", text: "last")
                try tree.symlink("acme/latest", to: "day/5.log")
                try tree.file("globex/a", text: "small")
            }
            try await world.initialize()
            return world
        }

        private func archives(_ world: Pipeline) async throws -> [String] {
            try await world.paths().filter { $0.hasPrefix("staging/") && $0.hasSuffix(".tar.gz") }.map {
                String($0.dropFirst("staging/logs/2025-11-19/pack/".count).dropLast(".tar.gz".count))
            }
        }

        @Test("Volumes end between files, a file that is too large has its own, and all comes back")
        func split() async throws {
            let world = try await world()
            try await world.expect(.collect, ["logs", "--run", Pipeline.run])
            let plan = try await world.expect(.pack, ["logs", "--run", Pipeline.run, "--dry-run"])
            #expect(plan.lines.filter { $0.contains("would be packed") }.count == 12, "\(plan)")
            let packed = try await world.expect(.pack, ["logs", "--run", Pipeline.run])
            #expect(packed.errors.split(separator: "larger than 'max_archive'").count == 3, "\(packed)")
            try await world.expect(.ship, ["logs", "--run", Pipeline.run])
            let names = try await archives(world)
            let of = { (host: String) in ["", ".v2", ".v3", ".v4", ".v5"].map { "acme/2025/11/19/\(host)\($0)" } }
            #expect(names == of("web1") + of("web2") + ["globex/2025/11/19/web1", "globex/2025/11/19/web2"])
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
            // Its own volume: nothing else but the list of digests.
            let own = try await world.shell(
                "for f in \"$1\"/acme/2025/11/19/web1*.tar.gz; do tar tzf $f | paste -sd,; done",
                [world.runDirectory() + "/pack"])
            #expect(own.lines.contains("acme/web1/huge.log,MANIFEST.sha256"), "\(own)")

            let restored = world.root + "/restored"
            try await world.expect(.ship, ["restore", "logs", "--run", Pipeline.run, "--to", restored])
            try await world.shell(
                """
                set -eu
                for f in day/0.log day/0.near day/9.link day/5.log huge.log last; do cmp "$1/acme/web1/$f" "$2/web1/acme/$f"; done
                """, [restored, world.source])

            // Nothing to do, and everything again as it was.
            let again = try await world.expect(.pack, ["logs", "--run", Pipeline.run])
            #expect(again.output.contains("12 done before"), "\(again)")
        }

        @Test("Directories alone make no volume: they go with the file behind them")
        func directories() async throws {
            var job = Pipeline.Job()
            job.hosts = ["web1"]
            job.lines = ["max_archive = \"1 MiB\""]
            let world = try Pipeline(job)
            var random = SplitMix64(seed: 43)
            let tree = try world.host("web1")
            try tree.file("acme/a/b/large.log", random.text(2_500_000))
            try tree.file("acme/c/d/large.log", random.text(2_500_000))
            try tree.symlink("acme/c/latest", to: "d/large.log")
            try tree.directory("acme/e/f")
            try await world.initialize()
            try await world.night()
            let names = try await archives(world)
            #expect(names == ["acme/2025/11/19/web1", "acme/2025/11/19/web1.v2"])
            try await world.shell(
                """
                set -eu
                cd "$1"
                for f in acme/2025/11/19/*.tar.gz; do tar xzf $f -C "$2"; (cd "$2" && sha256sum -c MANIFEST.sha256); done
                """, [world.runDirectory() + "/pack", try Directory.create(world.root + "/back").path])
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
        }

        @Test(
            "Another limit brings another number of volumes, and no old one stays on staging",
            arguments: ["2 MiB", "1 GiB"])
        func otherLimit(_ limit: String) async throws {
            var world = try await world()
            try await world.night()
            world.job.lines = ["max_archive = \"\(limit)\""]
            try world.writeSettings()
            try await world.night(Pipeline.run, [.pack, .ship])
            let names = try await archives(world).filter { $0.hasPrefix("acme/") && $0.contains("web1") }
            let suffixes = limit == "1 GiB" ? [""] : ["", ".v2", ".v3"]
            #expect(names == suffixes.map { "acme/2025/11/19/web1\($0)" })
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
        }

        @Test("Volumes that another version has ended elsewhere are made again")
        func otherBorders() async throws {
            let world = try await world()
            try await world.night(Pipeline.run, [.collect, .pack])
            // As if an entry less lay in the first volume, and the second had not come to be.
            try await world.shell(
                """
                set -eu
                cd "$1"
                python3 - "$(grep -rl '"unit" *: *"acme/2025/11/19/web1"' records/pack)" <<'END'
                import json, sys
                with open(sys.argv[1]) as file: record = json.load(file)
                record["hosts"][0]["entries"] -= 1
                with open(sys.argv[1], "w") as file: json.dump(record, file)
                END
                rm "$(grep -rl '"unit" *: *"acme/2025/11/19/web1.v2"' records/pack)"
                """, [world.runDirectory()])
            let again = try await world.expect(.pack, ["logs", "--run", Pipeline.run])
            #expect(again.output.contains("2 units, 10 done before"), "\(again)")
            try await world.expect(.ship, ["logs", "--run", Pipeline.run])
            #expect(try await world.stockDifferences(to: try await world.sourceTrees()) == [])
        }

        @Test("A host that comes late goes into volumes behind the others")
        func late() async throws {
            let world = try await world("{tenant}/{yyyy}/{mm}/{dd}")
            try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--only", "web2"], status: 3)
            try await world.expect(.pack, ["logs", "--run", Pipeline.run])
            let first = try await archives(world)
            #expect(first == ["", ".v2", ".v3", ".v4", ".v5"].map { "acme/2025/11/19\($0)" } + ["globex/2025/11/19"])
            let sums = "cd \"$1\" && find . -name '*.tar.gz' | sort | xargs sha256sum"
            let before = try await world.shell(sums, [world.runDirectory() + "/pack"]).lines
            try await world.night()
            let second = try await archives(world)
            #expect(second.contains("acme/2025/11/19.v10") && second.contains("globex/2025/11/19.v2"), "\(second)")
            #expect(second.count == 12)
            // What was packed is as it was.
            let after = try await world.shell(sums, [world.runDirectory() + "/pack"]).lines
            #expect(Set(before).isSubset(of: after))

            // What is made again on demand is what was selected: only with all of its volumes are its hosts joined.
            let force = ["logs", "--run", Pipeline.run, "--force", "--only"]
            try await world.expect(.pack, force + ["acme/2025/11/19"])
            #expect(try await archives(world) == second)
            try await world.expect(.pack, force + ["globex/*"])
            let third = try await archives(world)
            #expect(third == second.filter { $0 != "globex/2025/11/19.v2" })
            let joined = try await world.shell(sums, [world.runDirectory() + "/pack"]).lines
            let changed = Set(joined).symmetricDifference(after).filter { !$0.contains("globex/") }
            #expect(changed == [])
            try await world.expect(.ship, ["logs", "--run", Pipeline.run])
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
        }
    }
}
