import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// `pack verify`, `list` and `extract`, of archives of pack and of other programs.
    @Suite
    struct ReadingTests {
        /// Two hosts, packed; the archive has several members.
        private func packed() async throws -> (world: Pipeline, archive: String) {
            var job = Pipeline.Job()
            job.hosts = ["web1"]
            job.archive = "{host}"
            job.layout = "**"
            job.lines = ["member = \"{rest}\""]
            let world = try Pipeline(job)
            let tree = try world.host("web1")
            var random = SplitMix64(seed: 80)
            for number in 0..<12 { try tree.file(ByteString("d/f\(number)"), random.bytes(1_500_000)) }
            try tree.file("d/large", random.text(9_000_000))
            try tree.symlink("link", to: "d/large")
            try tree.hardLink("hard", to: "d/f0")
            try await world.initialize()
            try await world.night(Pipeline.run, [.collect, .pack])
            return (world, "\(world.runDirectory())/pack/\(Pipeline.run)/web1.tar.gz")
        }

        private struct Verdict: Decodable {
            struct Finding: Decodable {
                var what: String
                var member: Int?
                var offset: Int64?
                var length: Int64?
                var entry: String?
                var entries: Int64?
            }
            var archive: String
            var isGood: Bool
            var proof: String?
            var format: String?
            var seed: UInt64?
            var members: Int64
            var checked: [String]
            var unchecked: [String]
            var findings: [Finding]
        }

        private func verdict(_ world: Pipeline, _ arguments: [String], status: Int32 = 0) async throws -> Verdict {
            let result = try await world.expect(.pack, ["verify", "--json"] + arguments, status: status)
            let all = try JSONDecoder().decode([Verdict].self, from: Data(result.stdout))
            return try #require(all.first)
        }

        @Test("verify says what it has checked and what not, and where an archive is damaged")
        func verdicts() async throws {
            let (world, archive) = try await packed()
            let good = try await verdict(world, [archive])
            #expect(good.isGood && good.proof == "index" && good.unchecked == [] && good.findings.isEmpty)
            #expect(good.members > 5 && good.checked.contains("\(good.members) members by ISA-L"), "\(good.checked)")
            let quick = try await verdict(world, ["--quick", "--seed", "17", archive])
            #expect(quick.isGood && quick.seed == 17 && quick.unchecked.contains("the whole's SHA-256"))
            let text = try await world.expect(.pack, ["verify", "--quick", archive])
            #expect(text.output.contains("not checked: ") && text.output.contains("(seed "), "\(text)")

            let index = archive.dropLast(".tar.gz".utf8.count) + ".index.tsv.gz"
            let rows = try await world.shell(
                "gzip -dc \"$1\" | awk -F '\\t' '/^#entries/ { exit } inside { print $1, $2, $3 } $1 == \"member\" { inside = 1 }'",
                [String(index)])
            let place = rows.lines[3].split(separator: " ").compactMap { Int64($0) }
            try await world.shell(
                "printf damaged | dd of=\"$1\" bs=1 seek=\"$2\" conv=notrunc status=none",
                [archive, "\(place[1] + place[2] / 2)"])
            let bad = try await verdict(world, [archive], status: 1)
            let finding = try #require(bad.findings.first)
            #expect(!bad.isGood && finding.member == 3 && finding.offset == place[1] && finding.length == place[2])
            #expect(finding.entry?.hasPrefix("d/f") == true && (finding.entries ?? 0) >= 1)
            let told = try await world.expect(.pack, ["verify", archive], status: 1)
            #expect(
                told.lines[0].contains("FAILED: ") && told.lines[0].contains("member 3 (bytes \(place[1])-"), "\(told)")
            #expect(told.lines[0].contains("; there lies '"), "\(told)")

            #expect(!told.lines[0].contains("FAILED: \(archive)"), "the name stands there once: \(told)")

            // A damaged index is told as such: without it the archive can be read.
            try await world.shell("cp \"$1\" \"$1.kept\" && truncate -s 300 \"$1\"", [String(index)])
            for command in [
                ["verify", archive], ["extract", archive, "--to", world.root + "/none"], ["list", archive],
            ] {
                let result = try await world.expect(.pack, command, status: 1)
                let all = result.output + result.errors
                #expect(all.contains("\(index):") && all.contains("move it away"), "\(result)")
            }
            try await world.shell("mv \"$1.kept\" \"$1\"", [String(index)])

            try await world.expect(.pack, ["verify", "--seed", "1", archive], status: 64)
            try await world.expect(.pack, ["verify", "--workers", "-1", archive], status: 64)
            try await world.shell("rm \"$1\"", [String(index)])
            let bare = try await world.expect(.pack, ["verify", "--quick", archive], status: 1)
            #expect(bare.output.contains("has no index beside it"), "\(bare)")
        }

        @Test("Archives of tar, bsdtar and Python are listed as tar lists them, verified and extracted")
        func foreign() async throws {
            let world = try Pipeline()
            let tree = try TreeBuilder(world.root + "/tree")
            try tree.file("d/file", text: "content", mode: 0o640)
            try tree.file("d/run", text: "#!/bin/sh", mode: 0o4755)
            try tree.symlink("d/link", to: "file")
            try tree.hardLink("hard", to: "d/file")
            try tree.file(ByteString(String(repeating: "long", count: 50)), text: "x")
            try await world.shell("find \"$1\" -exec touch -h -d '2025-11-18 01:02:03' {} +", [tree.root.path])
            let expected = try FileTree(tree.root.path)
            try await world.shell(
                """
                cd "$1"
                tar --format=gnu -C tree -cf gnu.tar . && tar --format=posix -C tree -czf pax.tgz .
                bsdtar -C tree -cJf bsd.tar.xz . && tar --format=gnu -C tree -c . | zstd -q > stream.bin
                python3 -c 'import tarfile; tar = tarfile.open("py.tar.gz", "w:gz"); tar.add("tree", "."); tar.close()'
                """, [world.root])
            for name in ["gnu.tar", "pax.tgz", "bsd.tar.xz", "stream.bin", "py.tar.gz"] {
                let archive = world.root + "/" + name
                let listed = try await world.expect(.pack, ["list", archive])
                let stock = try await world.shell(
                    name == "stream.bin"
                        ? "zstd -dc \"$1\" | tar --numeric-owner -tvf -" : "tar --numeric-owner -tvf \"$1\"", [archive])
                let squeezed = [listed, stock].map { $0.lines.map { $0.split(separator: " ").joined(separator: " ") } }
                #expect(squeezed[0] == squeezed[1], "\(name)")
                let verified = try await world.expect(.pack, ["verify", archive])
                #expect(verified.output.contains("; not checked: the content of files"), "\(verified)")
                let out = world.root + "/out." + name
                let extracted = try await world.expect(.pack, ["extract", archive, "--to", out])
                #expect(extracted.errors.contains("1 file without the setuid or setgid bit"), "\(extracted)")
                var wanted = expected
                wanted.entries["d/run"]?.mode = 0o755
                let found = try FileTree(out)
                #expect(wanted.differences(to: found) == [], "\(name)")
                let one = try await world.expect(
                    .pack, ["extract", archive, "./d/link", "--to", world.root + "/one." + name])
                #expect(one.output.contains("1 restored"), "\(one)")
            }
        }

        @Test(
            "extract counts what came out of an archive of another program that is cut off", arguments: ["gz", "zst"])
        func cutOff(_ suffix: String) async throws {
            let world = try Pipeline()
            let tree = try TreeBuilder(world.root + "/tree")
            var random = SplitMix64(seed: 81)
            for number in 1...9 { try tree.file(ByteString("f\(number)"), random.bytes(400_000)) }
            let archive = world.root + "/cut.tar." + suffix
            try await world.shell(
                "tar -C \"$1\" --sort=name -c . | $3 > \"$2\" && truncate -s 2000000 \"$2\"",
                [tree.root.path, archive, suffix == "gz" ? "gzip" : "zstd"])
            let result = try await world.expect(.pack, ["extract", archive, "--to", world.root + "/out"], status: 3)
            #expect(result.output.contains(" restored to "), "\(result)")
            #expect(result.output.contains("could not be restored"), "\(result)")
            let found = try FileTree(world.root + "/out")
            #expect(found.paths.contains("f4") && !found.paths.contains("f5"), "\(found.paths)")
        }

        @Test("extract takes one path, some, or all, by one thread or several")
        func paths() async throws {
            let (world, archive) = try await packed()
            let expected = try await world.sourceTree("web1")
            for workers in ["1", "4"] {
                let out = world.root + "/all" + workers
                try await world.expect(.pack, ["extract", archive, "--to", out, "--workers", workers])
                var found = try FileTree(out)
                found.entries["MANIFEST.sha256"] = nil
                #expect(expected.differences(to: found) == [])
            }
            let one = world.root + "/one"
            try await world.expect(.pack, ["extract", archive, "d/large", "hard", "--to", one])
            let found = try FileTree(one)
            #expect(found.paths == ["d", "d/large", "hard"])
            #expect(found.entries["d/large"]?.sha256 == expected.entries["d/large"]?.sha256)
            #expect(found.entries["hard"]?.sha256 == expected.entries["d/f0"]?.sha256)
        }

        @Test("extract that is killed or finds no room leaves no half file, and run again completes")
        func interrupted() async throws {
            let (world, archive) = try await packed()
            let expected = try await world.sourceTree("web1")
            let calls = ["write", "create", "rename", "ftruncate", "mkdir", "link", "symlink", "chmod"]
            let cases: [(Int, Injection.Action)] = stride(from: 1, through: 60, by: 4).map {
                ($0, $0 % 3 == 0 ? .fail(ENOSPC) : $0 % 3 == 1 ? .kill : .tear)
            }
            try await sideBySide(cases) { number, action in
                let out = "\(world.root)/out\(number)"
                let injection = Injection(calls: calls, when: number, action: action, below: out)
                let ended = try await world(.pack, ["extract", archive, "--to", out], injection)
                #expect(ended.status != 0, "\(injection): \(ended)")
                if action == .fail(ENOSPC) {
                    #expect(ended.status == 1 && ended.errors.contains("no space left"), "\(injection): \(ended)")
                }
                if let found = try? FileTree(out) {
                    for (path, entry) in found.entries where entry.kind == .file && expected.entries[path] != nil {
                        #expect(entry.sha256 == expected.entries[path]?.sha256, "\(injection): \(path) is half there")
                    }
                }
                try await world.expect(.pack, ["extract", archive, "--to", out])
                var found = try FileTree(out)
                // A killed process leaves the one file that it was writing, under its temporary name.
                found.entries = found.entries.filter {
                    $0.key != "MANIFEST.sha256" && !$0.key.description.hasSuffix(".partial")
                }
                #expect(expected.differences(to: found, .directoryTimes) == [], "\(injection)")
            }
        }

        @Test("A disk that can't be read is told by verify and extract, and is no damage of the archive")
        func unreadable() async throws {
            let (world, archive) = try await packed()
            for number in [1, 3, 8] {
                let injection = Injection(calls: ["pread"], when: number, action: .fail(EIO), below: archive)
                let verified = try await world(.pack, ["verify", archive], injection)
                #expect(verified.status == 1 && verified.output.contains("input/output error"), "\(verified)")
                let out = "\(world.root)/broken\(number)"
                let extracted = try await world(.pack, ["extract", archive, "--to", out], injection)
                #expect([1, 3].contains(extracted.status), "\(extracted)")
                #expect(extracted.errors.contains("input/output error"), "\(extracted)")
            }
        }

        @Test("SIGTERM ends verify and extract in order", arguments: ["verify", "extract"])
        func terminated(_ command: String) async throws {
            let (world, archive) = try await packed()
            let mark = world.root + "/fault.mark"
            let injection = Injection(calls: ["pread"], when: 4, action: .hold, below: archive, mark: mark)
            let changes = injection.environment(try await FaultLibrary.shared.path())
            let child = try ChildProcess(
                [Program.pack.path, command, archive] + (command == "extract" ? ["--to", world.root + "/out"] : []),
                environment: world.environment.merging(changes) { $1 }, log: world.root + "/held.log")
            let isHeld = try await eventually { access(mark, F_OK) == 0 || child.ending != nil }
            #expect(isHeld && child.ending == nil)
            child.signal(SIGTERM)
            try await Task.sleep(nanoseconds: 100_000_000)
            unlink(mark)
            let ending = try await child.wait(timeout: 20)
            #expect(ending == .exited(143))
        }
    }
}
