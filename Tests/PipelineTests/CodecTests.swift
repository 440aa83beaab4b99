import FoundationEssentials
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Archives of every codec, from the source to what stock tools bring back.
    @Suite
    struct CodecTests {
        private static let codecs = [
            ("codec = \"gzip\"\nlevel = \"fast\"", ".tar.gz"), ("codec = \"gzip\"\nlevel = \"small\"", ".tar.gz"),
            ("codec = \"xz\"", ".tar.xz"), ("codec = \"none\"", ".tar"),
        ]

        private func world(_ lines: String, seed: UInt64 = 31) async throws -> Pipeline {
            var job = Pipeline.Job()
            job.lines = [lines]
            let world = try Pipeline(job)
            var random = SplitMix64(seed: seed)
            for host in job.hosts {
                let tree = try world.host(host)
                for tenant in ["acme", "globex"] {
                    for number in 0..<3 {
                        try tree.file(ByteString("\(tenant)/day/\(number).log"), random.text(300_000))
                    }
                    try tree.file(ByteString("\(tenant)/packed"), random.bytes(200_000))
                    try tree.file(ByteString("\(tenant)/empty"), [])
                }
                // Members of several blocks, and a border of members inside a file.
                try tree.file("acme/large.log", random.text(5_000_000))
            }
            try await world.initialize()
            return world
        }

        private func digests(_ world: Pipeline) async throws -> String {
            try await world.shell(
                "cd \"$1\" && find . -type f | sort | xargs sha256sum", [world.runDirectory() + "/pack"]
            ).output
        }

        @Test("What a codec packs comes back by stock tools, by restore, and by extract", arguments: codecs)
        func backAgain(_ lines: String, _ suffix: String) async throws {
            let world = try await world(lines)
            try await world.night()
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
            let place = "\(world.vault)/logs/acme/2025/11/19/web1\(suffix)"
            try await world.expect(.pack, ["verify", place])
            let list = try await world.expect(.pack, ["list", place])
            #expect(list.output.contains("acme/web1/large.log"), "\(list)")
            // One file by seeking, one through restore, and the whole.
            let out = world.root + "/out"
            try await world.expect(.pack, ["extract", place, "acme/web1/large.log", "--to", out])
            try await world.expect(
                .ship, ["restore", "logs", "--run", Pipeline.run, "acme/web2/day/1.log", "--to", out])
            try await world.shell(
                """
                cmp "$1/acme/web1/large.log" "$2/web1/acme/large.log"
                cmp "$1/acme/web2/day/1.log" "$2/web2/acme/day/1.log"
                """, [out, world.source])
            // Without its index the archive is proved and unpacked by itself.
            try await world.shell("cp \"$1\" \"$2\"", [place, world.root + "/alone" + suffix])
            try await world.expect(.pack, ["verify", world.root + "/alone" + suffix])
            try await world.expect(.pack, ["extract", world.root + "/alone" + suffix, "--to", world.root + "/whole"])
            try await world.shell("cd \"$1/whole\" && sha256sum -c --quiet --strict MANIFEST.sha256", [world.root])
        }

        @Test("The bytes are the same with 1, 2 and 7 workers", arguments: codecs)
        func workers(_ lines: String, _ suffix: String) async throws {
            let world = try await world(lines)
            try await world.night(Pipeline.run, [.collect])
            var seen: Set<String> = []
            for workers in ["1", "2", "7", "2"] {
                try await world.expect(
                    .pack, ["logs", "--run", Pipeline.run, "--workers", workers, "--force"])
                seen.insert(try await digests(world))
            }
            #expect(seen.count == 1)
            #expect(seen.first?.contains("web1\(suffix)\n") == true, "\(seen)")
        }

        @Test(
            "Content that rotted on staging fails its archive alone, with file, host and both digests",
            arguments: codecs)
        func rotten(_ lines: String, _ suffix: String) async throws {
            let world = try await world(lines)
            try await world.night(Pipeline.run, [.collect])
            let file = world.runDirectory() + "/collect/web2/acme/large.log"
            let before = try await world.shell("sha256sum < \"$1\"", [file]).output.prefix(64)
            // The size and time of the file stay what they are.
            try await world.shell(
                "touch -r \"$1\" \"$2\"; printf x | dd of=\"$1\" bs=1 seek=4500000 conv=notrunc status=none; touch -r \"$2\" \"$1\"",
                [file, world.root + "/time"])
            let after = try await world.shell("sha256sum < \"$1\"", [file]).output.prefix(64)
            let result = try await world.expect(.pack, ["logs", "--run", Pipeline.run], status: 3)
            for words in ["web2", "'acme/large.log'", String(before), String(after)] {
                #expect(result.errors.contains(words), "\(words): \(result)")
            }
            let failed = try world.state(.pack).failed.map(\.unit)
            #expect(failed == ["acme/2025/11/19/web2"])
            let left = try await digests(world)
            #expect(left.contains("acme/2025/11/19/web1\(suffix)") && !left.contains("acme/2025/11/19/web2\(suffix)"))
        }

        @Test("A tenant has its own codec, and another one later brings the next generation")
        func change() async throws {
            let world = try await world("[tenant.acme]\ncodec = \"xz\"\n[tenant.globex]\ncodec = \"none\"")
            try await world.night()
            let first = try await world.paths().filter { $0.contains("/web1") && $0.contains(".tar") }
            #expect(
                first == [
                    "staging/logs/2025-11-19/pack/acme/2025/11/19/web1.tar.xz",
                    "staging/logs/2025-11-19/pack/globex/2025/11/19/web1.tar",
                    "vault/logs/acme/2025/11/19/web1.tar.xz", "vault/logs/globex/2025/11/19/web1.tar",
                ])
            var changed = world
            changed.job.lines = ["[tenant.globex]\ncodec = \"none\""]
            try changed.writeSettings()
            try await changed.night(Pipeline.run, [.pack, .ship])
            let second = try await changed.paths().filter { $0.contains("/acme/") && $0.contains("/web1") }
            let names = second.filter { $0.contains(".tar") }
            #expect(
                names == [
                    "staging/logs/2025-11-19/pack/acme/2025/11/19/web1.tar.gz",
                    "vault/logs/acme/2025/11/19/web1.g2.tar.gz", "vault/logs/acme/2025/11/19/web1.tar.xz",
                ])
            #expect(second.contains("vault/logs/acme/2025/11/19/web1.g2.index.tsv.gz"))
            let differences = try await changed.stockDifferences(to: try await changed.sourceTrees())
            #expect(differences == [])
            try await changed.expect(
                .ship, ["restore", "logs", "--run", Pipeline.run, "--to", changed.root + "/restored"])
        }

        // MARK: Who reads what

        /// A program that reads archives: how it unpacks one, or inflates it to the tar.
        private struct Reader {
            let name: String
            /// By the end of the archive's name, which is `$A`.
            ///
            /// Nothing where that is not its business.
            var commands: [String: String]
            var unpacks = true
            /// What tells whether it is there.
            let probe: String
        }

        private static let java = """
            import java.io.*; import java.util.zip.*;
            public class Inflate { public static void main(String[] a) throws Exception {
            new GZIPInputStream(new FileInputStream(a[0]), 1 << 16).transferTo(System.out); System.out.flush(); } }
            """

        private static let readers = [
            Reader(
                name: "GNU tar", commands: ["gz": "tar -xf $A", "xz": "tar -xf $A", "tar": "tar -xf $A"],
                probe: "tar --version"),
            Reader(
                name: "bsdtar", commands: ["gz": "bsdtar -xf $A", "xz": "bsdtar -xf $A", "tar": "bsdtar -xf $A"],
                probe: "bsdtar --version"),
            Reader(
                name: "busybox tar",
                commands: ["gz": "busybox tar xzf $A", "xz": "busybox tar xJf $A", "tar": "busybox tar xf $A"],
                probe: "busybox --list"),
            Reader(
                name: "Python tarfile",
                commands: Dictionary(
                    uniqueKeysWithValues: ["gz", "xz", "tar"].map {
                        ($0, "python3 -c \"import os, tarfile; tarfile.open(os.environ['A']).extractall()\"")
                    }), probe: "python3 -c 'import tarfile, lzma'"),
            Reader(name: "gzip", commands: ["gz": "gzip -dc $A"], unpacks: false, probe: "gzip --version"),
            Reader(name: "pigz", commands: ["gz": "pigz -dc $A"], unpacks: false, probe: "pigz --version"),
            Reader(name: "igzip", commands: ["gz": "igzip -dc $A"], unpacks: false, probe: "igzip --version"),
            Reader(
                name: "libdeflate-gzip", commands: ["gz": "libdeflate-gzip -dc $A"], unpacks: false,
                probe: "libdeflate-gzip -V"),
            Reader(
                name: "busybox gzip", commands: ["gz": "busybox gzip -dc $A"], unpacks: false, probe: "busybox --list"),
            Reader(
                name: "Python gzip",
                commands: [
                    "gz":
                        "python3 -c \"import gzip, os, sys; sys.stdout.buffer.write(gzip.open(os.environ['A']).read())\""
                ], unpacks: false, probe: "python3 -c 'import gzip'"),
            Reader(
                name: "Java GZIPInputStream", commands: ["gz": "java $TOP/Inflate.java $A"], unpacks: false,
                probe: "javac -version"),
            Reader(
                name: "Node zlib",
                commands: [
                    "gz": "node -e \"process.stdout.write(zlib.gunzipSync(fs.readFileSync(process.env.A)))\""
                ], unpacks: false, probe: "node --version"),
            Reader(name: "xz", commands: ["xz": "xz -dc $A"], unpacks: false, probe: "xz --version"),
            Reader(name: "busybox xz", commands: ["xz": "busybox xz -dc $A"], unpacks: false, probe: "busybox --list"),
            Reader(
                name: "Python lzma",
                commands: [
                    "xz":
                        "python3 -c \"import lzma, os, sys; sys.stdout.buffer.write(lzma.open(os.environ['A']).read())\""
                ], unpacks: false, probe: "python3 -c 'import lzma'"),
        ]

        @Test("The manual's table of who reads what is what they do", .timeLimit(.minutes(10)))
        func table() async throws {
            var job = Pipeline.Job()
            job.hosts = ["web1"]
            job.lines = [
                "member = \"{rest}\"", "[tenant.xz]", "codec = \"xz\"", "[tenant.tar]", "codec = \"none\"",
                "[tenant.gz]", "level = \"fast\"",
            ]
            let world = try Pipeline(job)
            for tenant in ["gz", "xz", "tar"] {
                var random = SplitMix64(seed: 77)
                let tree = try world.host("web1")
                try tree.file(ByteString("\(tenant)/a.log"), random.text(3_000_000))
                try tree.file(ByteString("\(tenant)/b.bin"), random.bytes(2_000_000))
                try tree.file(ByteString("\(tenant)/large.log"), random.text(6_000_000))
            }
            try await world.shell("find \"$1\" -exec touch -d '2025-11-18T01:02:03Z' {} +", [world.source])
            try await world.initialize()
            try await world.night()
            try TreeBuilder(world.root).file("Inflate.java", text: Self.java)
            let page = String(
                decoding: try Data(contentsOf: URL(filePath: Repository.root + "/man/coldchain.7")), as: UTF8.self)
            var checked = 0
            for reader in Self.readers {
                let isThere = try await run(["sh", "-c", reader.probe], directory: world.root)
                guard isThere.status == 0 else { continue }
                var line = reader.name.padding(22)
                for kind in ["gz", "xz", "tar"] {
                    guard let command = reader.commands[kind] else {
                        line += "-".padding(10)
                        continue
                    }
                    line += (try await reads(reader, kind, command, world) ? "yes" : "no").padding(10)
                    checked += 1
                }
                while line.last == " " { line.removeLast() }
                #expect(page.contains("\n\(line)\n"), "the manual has no line '\(line)'")
            }
            #expect(checked >= 12)
        }

        private func reads(_ reader: Reader, _ kind: String, _ command: String, _ world: Pipeline) async throws -> Bool
        {
            let suffix = ["gz": ".tar.gz", "xz": ".tar.xz", "tar": ".tar"][kind] ?? ""
            let check =
                reader.unpacks
                ? "&& sha256sum -c --quiet --strict MANIFEST.sha256" : "| cmp - \"$PLAIN\""
            let script = """
                rm -rf "$TOP/new" && mkdir "$TOP/new" && cd "$TOP/new" && set -o pipefail && \(command) \(check)
                """
            let place = { (tenant: String, suffix: String) in "\(world.vault)/logs/\(tenant)/2025/11/19/web1\(suffix)" }
            let result = try await run(
                ["bash", "-c", script],
                environment: ["A": place(kind, suffix), "PLAIN": place("tar", ".tar"), "TOP": world.root], timeout: 120)
            return result.status == 0
        }
    }
}

extension String {
    fileprivate func padding(_ count: Int) -> String {
        self + String(repeating: " ", count: max(1, count - self.count))
    }
}
