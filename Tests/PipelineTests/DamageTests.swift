import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Bytes that rot, or are taken away, between the stages and in the vault.
    @Suite
    struct DamageTests {
        /// Changes one byte in the middle of a file, and nothing else.
        private static let rot = """
            set -eu
            time=$(stat -c %y "$1")
            at=$(($(stat -c %s "$1") / 2))
            byte=$(od -An -tu1 -j "$at" -N 1 "$1")
            printf "\\\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
            touch -d "$time" "$1"
            """

        @Test(
            "Staged content that rotted or is gone fails its archive alone; collecting it anew completes the run",
            arguments: [rot, "rm \"$1\"", "truncate -s 3 \"$1\"", "rm \"$1\"; mkdir \"$1\""])
        func staged(_ script: String) async throws {
            let small = try await SmallWorld(until: .pack)
            let world = try await SmallWorld.copy(of: small.before)
            let file = world.runDirectory() + "/collect/web1/acme/app.log"
            try await world.shell(script, [file])
            let result = try await world.stage(.pack)
            let broken = try world.state(.pack).failed.map(\.unit)
            #expect(result.status == 3 && result.errors.contains("acme/app.log"), "\(result)")
            #expect(broken == ["acme/2025/11/19/web1"])
            let paths = try await world.paths()
            let made = paths.filter { $0.contains("/pack/") && $0.hasSuffix(".tar.gz") }
            #expect(made.count == 3)
            let partial = paths.filter { $0.hasSuffix(".partial") }
            #expect(partial == [])
            // The others can go on; no manifest claims what is not there.
            let shipped = try await world.stage(.ship)
            let restore = try await StockRestore(world, Pipeline.run)
            #expect(shipped.status == 3, "\(shipped)")
            #expect(Set(restore.rows.keys) == ["web2"])

            // A stage that was done stays done when one of its units is done anew.
            try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--only", "web1", "--force"])
            try await world.expect(.collect, ["logs", "--run", Pipeline.run])
            try await small.completes(world, "after a staged file was damaged", from: .same)
        }

        @Test("An archive that rotted on staging is not shipped; packed anew it is")
        func packed() async throws {
            let small = try await SmallWorld(until: .ship)
            let world = try await SmallWorld.copy(of: small.before)
            try await world.shell(Self.rot, [world.runDirectory() + "/pack/globex/2025/11/19/web2.tar.gz"])
            let result = try await world.stage(.ship)
            #expect(result.status == 3 && result.errors.contains("globex/2025/11/19/web2"), "\(result)")
            let paths = try await world.paths()
            #expect(!paths.contains("vault/logs/globex/2025/11/19/web2.tar.gz"))
            let partial = paths.filter { $0.hasSuffix(".partial") }
            #expect(partial == [])
            try await world.expect(.pack, ["logs", "--run", Pipeline.run, "--force"])
            try await small.completes(world, "after an archive was damaged")
        }

        @Test("A run whose entry list was damaged fails alone: later runs are packed, and status tells why it is not")
        func damagedRun() async throws {
            let small = try await SmallWorld(until: .pack)
            let world = try await SmallWorld.copy(of: small.before)
            let next = "2025-11-20"
            try await world.night(next, [.collect])
            try await world.shell(Self.rot, [world.runDirectory() + "/collect/web1.entries.tsv.gz"])
            let result = try await world.expect(.pack, ["logs"], status: 3)
            #expect(result.output.contains("\(next): done"), "\(result)")
            #expect(result.errors.contains("web1.entries.tsv.gz") && result.errors.contains("HINT"), "\(result)")
            let failed = try world.state(.pack)
            #expect(failed.state == "failed" && failed.failed.first?.why.contains("web1.entries") == true, "\(failed)")
            let status = try await world.expect(.pack, ["status"])
            #expect(status.output.contains("web1.entries.tsv.gz"), "\(status)")
            try await world.expect(.ship, ["logs"])
            try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--only", "web1", "--force"])
            try await world.night(Pipeline.run, [.pack, .ship])
            for date in [Pipeline.run, next] {
                let differences = try await world.stockDifferences(date, to: small.sources)
                #expect(differences == [], "\(date)")
            }
        }

        /// A vault that holds the archives of a tenant of two, without any manifest yet.
        private func halfShipped() async throws -> (small: SmallWorld, world: Pipeline) {
            let small = try await SmallWorld(until: .ship)
            let world = try await SmallWorld.copy(of: small.before)
            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--tenant", "acme"], status: 3)
            return (small, world)
        }

        @Test(
            "No manifest is committed for an archive that the vault has lost since it was shipped; --force ships it again",
            arguments: ["rm \"$1\"", "truncate -s -1 \"$1\"", "echo more >> \"$1\""])
        func lost(_ script: String) async throws {
            let (small, world) = try await halfShipped()
            let object = "logs/acme/2025/11/19/web1.tar.gz"
            try await world.shell(script, [world.vault + "/" + object])
            let result = try await world.stage(.ship)
            let failed = try world.state(.ship).failed
            #expect(result.status == 3 && failed.map(\.unit) == ["web1 manifest"], "\(result)")
            #expect(result.errors.contains(object), "\(result)")
            #expect(result.errors.contains("ship logs --run 2025-11-19 --force"), "\(result)")
            let paths = try await world.paths()
            let manifests = paths.filter { $0.contains("web1.manifest") }
            #expect(manifests == [], "neither in the vault nor in the ledger")
            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--force"])
            let differences = try await world.stockDifferences(to: small.sources)
            #expect(differences == [])
        }

        @Test("What one of two vaults has lost is committed in neither, and no later run carries it")
        func lostInOneOfTwo() async throws {
            var world = try Pipeline()
            try await SmallWorld.fill(world)
            world.job.lines = ["copies = [\"disk\", \"second\"]"]
            try world.writeSettings()
            let second = world.root + "/second"
            let vaults = "[vault.second]\nurl = \"file://\(second)\"\n"
            try await world.shell("printf '%s' \"$2\" >> \"$1\"", [world.config, vaults])
            try await world.initialize()
            try await world.night(Pipeline.run, [.collect, .pack])
            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--tenant", "acme"], status: 3)
            try await world.shell("rm \"$1/logs/acme/2025/11/19/web1.tar.gz\"", [second])
            let result = try await world.stage(.ship)
            let failed = try world.state(.ship).failed.map(\.unit)
            #expect(result.status == 3 && result.errors.contains(second) && failed == ["web1 manifest"], "\(result)")
            let find = "find \"$1\" \"$2\" \"$3\" -name 'web1.manifest*'"
            let found = try await world.shell(find, [world.staging + "/logs/ledger", world.vault, second])
            #expect(found.lines == [])
            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--force"])
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
            try await world.shell("diff -r --exclude=.coldchain-guard \"$1\" \"$2\"", [world.vault, second])
        }

        @Test("A later run is not committed while the vault lacks what it carries, and is once that is there again")
        func carried() async throws {
            let small = try await SmallWorld(until: .ship)
            let world = try await SmallWorld.copy(of: small.before)
            try await world.night(Pipeline.run, [.ship])
            let next = "2025-11-20"
            try await world.night(next, [.collect, .pack])
            let object = world.vault + "/logs/acme/2025/11/19/web1.tar.gz"
            for script in ["mv \"$1\" \"$1.aside\"", "cp \"$1.aside\" \"$1\"; truncate -s -1 \"$1\""] {
                try await world.shell(script, [object])
                let result = try await world.stage(.ship, next)
                #expect(result.status == 3 && result.errors.contains("is carried from run 2025-11-19"), "\(result)")
                #expect(result.errors.contains("ship logs --run 2025-11-19 --force"), "\(result)")
                let failed = try world.state(.ship, next).failed.map(\.unit)
                #expect(failed == ["web1 manifest"])
            }
            // Under its own key again, every run that refers to it is whole.
            try await world.shell("rm \"$1\"", [object])
            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--force"])
            try await world.expect(.ship, ["logs", "--run", next])
            for date in [Pipeline.run, next] {
                let differences = try await world.stockDifferences(date, to: small.sources)
                #expect(differences == [], "\(date)")
            }
        }

        @Test("An object that rotted in the vault is told by verify and restore; shipped anew it gets another name")
        func shipped() async throws {
            let small = try await SmallWorld(until: .ship)
            let world = try await SmallWorld.copy(of: small.before)
            try await world.night(Pipeline.run, [.ship])
            let object = "logs/globex/2025/11/19/web2.tar.gz"
            try await world.shell(Self.rot, [world.vault + "/" + object])
            let verified = try await world(.pack, ["verify", world.vault + "/" + object])
            #expect(verified.status == 1 && verified.output.contains("FAILED"), "\(verified)")

            let place = world.root + "/restored"
            let restored = try await world(.ship, ["restore", "logs", "--run", Pipeline.run, "--to", place])
            #expect(restored.status == 3 && restored.errors.contains(object), "\(restored)")
            let tree = try FileTree(place)
            let whole = tree.paths.map(\.description)
            #expect(whole.contains("acme/web1/big.log") && whole.contains("globex/web1/conf/b"), "\(whole)")
            // What is back is right; what is not right is not back.
            for (path, entry) in tree.entries where entry.kind == .file {
                let parts = path.components
                let rest = parts.dropFirst(2).reduce(parts[0]) { $0 + "/" + $1 }
                #expect(small.sources[parts[1].description]?.entries[rest]?.sha256 == entry.sha256, "\(path)")
            }

            try await world.expect(.ship, ["logs", "--run", Pipeline.run, "--force"])
            let paths = try await world.paths()
            let differences = try await world.stockDifferences(to: small.sources)
            #expect(paths.contains("vault/logs/globex/2025/11/19/web2.g2.tar.gz"))
            // Nothing in a vault is overwritten: the rotten one is still there.
            #expect(paths.contains("vault/" + object))
            #expect(differences == [])
        }
    }
}
