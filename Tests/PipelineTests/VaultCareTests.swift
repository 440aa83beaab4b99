import FoundationEssentials
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// What looks after a vault: `ship verify`, `ship sweep`, `ship setup`.
    @Suite struct VaultCareTests {
        private struct Verdict: Decodable {
            struct Finding: Decodable {
                var kind: String
                var key: String
            }
            struct Sample: Decodable {
                var archives: Int
                var good: Int
            }
            var archives: Int
            var objects: Int
            var sample: Sample
            var findings: [Finding]
        }

        /// A small world after its night.
        private func world() async throws -> Pipeline {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try await world.initialize()
            try await world.night()
            return world
        }

        private func verdict(_ world: Pipeline, _ more: [String] = [], status: Int32) async throws -> Verdict {
            let result = try await world.expect(.ship, ["verify", "logs", "--json"] + more, status: status)
            return try JSONDecoder().decode(Verdict.self, from: Data(result.stdout))
        }

        @Test("A vault that is whole is verified, all of it read, with staging and without")
        func whole() async throws {
            let world = try await world()
            let before = try await world.snapshot()
            let all = try await verdict(world, ["--sample", "100"], status: 0)
            #expect(all.archives == 4)
            #expect(all.objects == 4 * 3 + 2 * 2)
            #expect(all.sample.archives == 4)
            #expect(all.sample.good == 4)
            let after = try await world.snapshot()
            #expect(before.differences(to: after) == [])
            let one = try await verdict(world, ["--tenant", "acme", "--sample=1%"], status: 0)
            #expect(one.archives == 2)
            #expect(one.sample.good == 1)
            _ = try await verdict(world, ["--run", Pipeline.run], status: 0)
            try await world.shell("rm -rf \"$1\"", [world.staging])
            let text = try await world.expect(.ship, ["verify", "logs", "--sample", "100%"])
            #expect(text.output.contains("4 of 4 archives read and right"), "\(text)")
            #expect(text.output.contains("manifests that are gone were not looked for, without staging: "), "\(text)")
            try await world.expect(.ship, ["verify", "logs", "--run", "2001-01-01"], status: 1)
            try await world.expect(.ship, ["verify", "logs", "--tenant", "nobody"], status: 1)
            try await world.expect(.ship, ["verify", "logs", "--sample", "101"], status: 64)
        }

        @Test("What is missing, extra or altered is found and named")
        func damaged() async throws {
            let world = try await world()
            let day = world.vault + "/logs/acme/2025/11/19"
            try await world.shell(
                """
                set -eu
                chmod -R u+w "$1"
                rm "$1/web1.tar.gz"
                printf x >> "$1/web2.tar.gz"
                printf '\\001' | dd of="$2/web1.tar.gz" bs=1 seek=40 conv=notrunc status=none
                printf '\\001' | dd of="$2/web2.index.tsv.gz" bs=1 seek=40 conv=notrunc status=none
                cp "$2/web2.sha256" "$2/stray"
                """, [day, world.vault + "/logs/globex/2025/11/19"])
            let quick = try await verdict(world, status: 3)
            func found(_ verdict: Verdict) -> Set<String> { Set(verdict.findings.map { "\($0.kind) \($0.key)" }) }
            var expected: Set = [
                "missing logs/acme/2025/11/19/web1.tar.gz", "altered logs/acme/2025/11/19/web2.tar.gz",
                "altered logs/globex/2025/11/19/web2.index.tsv.gz", "extra logs/globex/2025/11/19/stray",
            ]
            #expect(found(quick) == expected)
            // What has the right size is found by reading alone.
            expected.insert("altered logs/globex/2025/11/19/web1.tar.gz")
            let read = try await verdict(world, ["--sample", "100"], status: 3)
            #expect(found(read) == expected)
            // The vault alone tells the same.
            try await world.shell("rm -rf \"$1\"", [world.staging])
            let alone = try await verdict(world, ["--sample", "100"], status: 3)
            #expect(found(alone) == expected)
            let text = try await world.expect(.ship, ["verify", "logs"], status: 3)
            #expect(text.output.contains("is not in the vault"), "\(text)")
            // A manifest that can't be read: nobody knows what is named.
            try await world.shell(
                "printf x > \"$1/logs/_ledger/2025-11-19/web1.manifest.1.tsv.gz\"", [world.vault])
            let blind = try await verdict(world, status: 3)
            #expect(found(blind).contains("altered logs/_ledger/2025-11-19/web1.manifest.1.tsv.gz"))
            #expect(!found(blind).contains { $0.hasPrefix("extra") })
        }

        @Test("A manifest that is gone is missed by the ledger and the records, and what it named is still looked at")
        func manifestLost() async throws {
            let world = try await world()
            let key = "logs/_ledger/2025-11-19/web1.manifest.1.tsv.gz"
            try await world.shell("mv \"$1/$2\" \"$3/aside\"", [world.vault, key, world.root])
            func missing(_ more: [String] = [], status: Int32 = 3) async throws -> Verdict {
                let verdict = try await verdict(world, more, status: status)
                #expect(verdict.findings.contains { $0.kind == "missing" && $0.key == key }, "\(verdict)")
                return verdict
            }
            // The ledger's copy tells what it named.
            let known = try await missing()
            #expect(known.archives == 4 && !known.findings.contains { $0.kind == "extra" && $0.key.contains("acme") })
            _ = try await missing(["--host", "web1"])
            _ = try await verdict(world, ["--host", "web2"], status: 0)
            _ = try await verdict(world, ["--run", "2025-11-19", "--host", "web2"], status: 0)
            // A record alone tells that it should be there, and not what it named.
            try await world.shell("rm -r \"$1/logs/ledger/2025-11-19\"", [world.staging])
            let told = try await missing()
            #expect(told.archives == 2 && !told.findings.contains { $0.kind == "extra" })
            // All manifests are gone.
            try await world.shell("rm \"$1/logs/_ledger/2025-11-19/\"*", [world.vault])
            _ = try await missing(status: 1)
            try await world.shell("rm -rf \"$1\"", [world.staging])
            try await world.expect(.ship, ["verify", "logs"], status: 1)
        }

        @Test("A digest file that lacks a line proves nothing, and is told")
        func digestLost() async throws {
            let world = try await world()
            try await world.shell(
                """
                set -eu
                chmod -R u+w "$1"
                sed -i /index/d "$1/acme/2025/11/19/web1.sha256"
                sed -i s/web1/web9/ "$1/_ledger/2025-11-19/web1.manifest.1.tsv.gz.sha256"
                """, [world.vault + "/logs"])
            let expected: Set = [
                "altered logs/acme/2025/11/19/web1.sha256",
                "altered logs/_ledger/2025-11-19/web1.manifest.1.tsv.gz.sha256",
            ]
            for _ in 1...2 {
                let found = try await verdict(world, status: 3)
                #expect(expected.isSubset(of: Set(found.findings.map { "\($0.kind) \($0.key)" })), "\(found)")
                try await world.shell("rm -rf \"$1\"", [world.staging])
            }
        }

        @Test("A directory has no uploads and no settings of a bucket")
        func directory() async throws {
            let world = try await world()
            let swept = try await world.expect(.ship, ["sweep", "logs", "--dry-run"])
            #expect(swept.output.contains("no upload"), "\(swept)")
            let json = try await world.expect(.ship, ["sweep", "logs", "--json"])
            #expect(json.output.filter { !$0.isWhitespace } == "[]")
            try await world.expect(.ship, ["sweep", "logs", "--older-than", "5 min"], status: 64)
            try await world.expect(.ship, ["sweep", "logs", "--vault", "other"], status: 64)
            let setup = try await world.expect(.ship, ["setup", "logs", "--apply"])
            #expect(setup.output.contains("no vault of the job is a bucket"), "\(setup)")
        }
    }
}
