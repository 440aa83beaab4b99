import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Names and files that break scripts.
    @Suite
    struct NameTests {
        private static var job: Pipeline.Job {
            var job = Pipeline.Job()
            job.hosts = ["web1"]
            return job
        }

        /// Names of one component that file systems allow.
        private static let names: [ByteString] = [
            " lead and trail ", "two\nlines", "\n", "tab\there", "carriage\rreturn", "quo'te\"s", "-rf", "--", "-", "*",
            "a?[b]{c}", "$(reboot)", "`id`", "back\\slash", "\\n", ".hidden", "..twice", "...", "%41", "100%", "%",
            "#x",
            "ünïcødé", "e\u{301}", "\u{202E}mirrored", "a:b", "c|d", "semi;colon", "CON", "~", "~root",
            "MANIFEST.sha256",
            ByteString(bytes: [0xFF, 0xFE, 0x78]), ByteString(bytes: [0x80]), ByteString(bytes: [0x1B, 0x5B, 0x41]),
            ByteString(bytes: [0x01, 0x7F]), ByteString(bytes: [UInt8](repeating: 0x6E, count: 255)),
            ByteString(bytes: [UInt8](repeating: 0xE9, count: 255)),
            ByteString(bytes: [UInt8](repeating: 0x0A, count: 255)),
            ByteString(bytes: [UInt8](repeating: 0x25, count: 254) + [0x31]), "x.partial", ".x.partial", "x.json",
        ]

        @Test("Files, directories and links of any name come back, by stock tools and by ship restore")
        func names() async throws {
            var job = Self.job
            job.lines = ["member = \"{tenant}/{rest}\""]
            let world = try Pipeline(job)
            let host = try world.host("web1")
            for (number, name) in Self.names.enumerated() {
                try host.file(
                    "acme/files/" + name, text: "content \(number)\n",
                    modified: Timestamp(seconds: 1_700_000_000 + Int64(number), nanoseconds: 123))
                try host.file("acme/trees/" + name + "/" + name, text: "below \(number)\n")
                try host.directory("acme/empty/" + name)
                try host.symlink("acme/links/" + name, to: name)
                try host.hardLink("acme/names/" + name, to: "acme/files/" + name)
                // As the name of a tenant.
                if name.count < 200 { try host.file(name + "/of a tenant", text: "tenant \(number)\n") }
            }
            let sources = try await world.sourceTrees()
            try await world.initialize()
            try await world.night()
            let differences = try await world.stockDifferences(to: sources)
            let remains = try await world.remains()
            #expect(differences == [])
            #expect(remains == [])

            try await RestorePage.restore(world, Pipeline.run, "web1", to: world.root + "/page")
            let page = sources["web1"]?.differences(
                to: try FileTree(world.root + "/page"), .faithful.subtracting(.hardLinks))
            #expect(page == [])

            let place = world.root + "/restored"
            try await world.expect(.ship, ["restore", "logs", "--run", Pipeline.run, "--to", place])
            let restored = try FileTree(place)
            let again = sources["web1"]?.differences(to: restored, .faithful.subtracting(.directoryTimes))
            #expect(again == [])
            let one = try await world.expect(
                .ship, ["restore", "logs", "acme/files/two\nlines", "--run", Pipeline.run, "--stdout"])
            #expect(one.output == "content 1\n")
        }

        @Test("A path beyond 4096 bytes is collected, packed, verified and restored")
        func deep() async throws {
            var job = Self.job
            job.lines = ["member = \"{tenant}/{rest}\""]
            let world = try Pipeline(job)
            let component = ByteString(bytes: [UInt8](repeating: 0x64, count: 250))
            var path: ByteString = "acme"
            for _ in 0..<20 { path = path + "/" + component }
            try world.host("web1").file(
                path + "/leaf", text: "deep\n", modified: Timestamp(seconds: 1_700_000_000, nanoseconds: 5))
            let sources = try await world.sourceTrees()
            try await world.initialize()
            try await world.night()
            let archive = world.vault + "/logs/acme/2025/11/19/web1.tar.gz"
            try await world.expect(.pack, ["verify", archive])
            let listed = try await world.shell(
                "tar -tzf \"$1\" | awk '{ print length($0) }' | sort -n | tail -n 1", [archive])
            #expect(listed.lines == ["\(path.count + 5)"])
            let place = world.root + "/restored"
            try await world.expect(.ship, ["restore", "logs", "--run", Pipeline.run, "--to", place])
            let differences = sources["web1"]?.differences(
                to: try FileTree(place), .faithful.subtracting(.directoryTimes))
            #expect(differences == [])
        }

        @Test("What is no file, directory or link is listed with its reason, and the rest is kept")
        func special() async throws {
            let world = try Pipeline(Self.job)
            let host = try world.host("web1")
            try host.file("acme/file", text: "file\n")
            try host.fifo("acme/fifo")
            try host.socket("acme/socket")
            let made = try await TestSupport.run(["mknod", world.source + "/web1/acme/device", "c", "1", "3"])
            var reasons: [ByteString: String] = ["acme/fifo": "fifo", "acme/socket": "socket"]
            if made.status == 0 { reasons["acme/device"] = "device" }
            var source = try await world.sourceTree("web1")
            for path in reasons.keys { source.entries[path] = nil }
            try await world.initialize()
            try await world.night()
            let restore = try await StockRestore(world, Pipeline.run)
            let skipped = restore.skipped("web1")
            let differences = restore.differences("web1", to: source)
            #expect(skipped == reasons)
            #expect(differences == [])
        }

        @Test("Names of one file stay one in the archive of the first; in that of another tenant each has the content")
        func hardLinks() async throws {
            let world = try Pipeline(Self.job)
            let host = try world.host("web1")
            try host.file("acme/one", text: "shared\n")
            try host.hardLink("acme/two", to: "acme/one")
            try host.hardLink("globex/three", to: "acme/one")
            try host.hardLink("globex/four", to: "acme/one")
            try host.file("globex/later", text: "other\n")
            try host.hardLink("initech/last", to: "globex/later")
            let sources = try await world.sourceTrees()
            try await world.initialize()
            try await world.night()
            let differences = try await world.stockDifferences(to: sources)
            let links = ["four", "three"].map { "web1 ~ globex/\($0): linked to globex/four, got nothing" }
            #expect(differences == links)
        }

        @Test("A sparse file of more than 8 GiB keeps its holes and its content", .timeLimit(.minutes(10)))
        func sparse() async throws {
            let world = try Pipeline(Self.job)
            let size: Int64 = (8 << 30) + 12_345_678
            let host = try world.host("web1")
            try host.sparseFile(
                "acme/sparse", size: size,
                [0: Array("begin".utf8), 5 << 30: Array("middle".utf8), size - 3: Array("end".utf8)])
            try host.sparseFile("acme/hole", size: 1 << 20)
            try await world.initialize()
            try await world.night()
            let result = try await world.shell(
                """
                set -eu
                mkdir "$2"
                tar -xpzf "$1/logs/acme/2025/11/19/web1.tar.gz" -C "$2"
                cd "$2"
                sha256sum -c --quiet --strict MANIFEST.sha256
                stat -c '%s' acme/web1/sparse acme/web1/hole
                [ "$(stat -c '%b' acme/web1/sparse)" -lt 1000 ]
                tail -c 3 acme/web1/sparse
                """, [world.vault, world.root + "/out"], timeout: 120)
            #expect(result.output == "\(size)\n\(1 << 20)\nend")
        }

        private static let modes: [(String, UInt32)] = [
            ("setuid", 0o4755), ("setgid", 0o2755), ("mine", 0o400), ("none", 0),
        ]

        @Test("setuid and read-only files come back with their modes")
        func modes() async throws {
            let world = try Pipeline(Self.job)
            let host = try world.host("web1")
            for (name, mode) in Self.modes where mode != 0 || geteuid() == 0 {
                try host.file("acme/" + ByteString(name), text: name, mode: mode)
            }
            try host.directory("acme/sticky", mode: 0o1777)
            try host.directory("acme/closed", mode: 0o500)
            let sources = try await world.sourceTrees()
            try await world.initialize()
            try await world.night()
            let differences = try await world.stockDifferences(to: sources)
            #expect(differences == [])
        }

        private static let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

        @Test(
            "An ordinary user collects what it may read; the rest is told, listed, and makes the run partial",
            .enabled(if: geteuid() == 0, "needs root to become another user"))
        func unprivileged() async throws {
            let world = try Pipeline(Self.job)
            let host = try world.host("web1")
            try host.file("acme/setuid", text: "setuid\n", mode: 0o4755)
            try host.file("acme/group", text: "group\n", mode: 0o640)
            try host.file("acme/mine", text: "mine\n", mode: 0o400)
            try host.file("acme/closed/below", text: "below\n")
            try host.file("acme/secret", text: "secret\n", mode: 0o400)
            try host.directory("acme/closed", mode: 0o700)
            try await world.shell(
                """
                set -eu
                chown 65534 "$1/source/web1/acme/mine"
                mkdir "$1/staging" "$1/vault" "$1/state"
                chown 65534:65534 "$1/staging" "$1/vault" "$1/state"
                chmod 755 "$1" "$1/source" "$1/source/web1" "$1/source/web1/acme"
                chmod -R a+rX "$1/etc"
                """, [world.root])
            var source = try await world.sourceTree("web1")
            try await world.expect(.collect, ["init", "--local"], through: Self.user)
            let collected = try await world.expect(
                .collect, ["logs", "--run", Pipeline.run], status: 3, through: Self.user)
            for name in ["acme/secret", "acme/group", "acme/closed"] {
                #expect(collected.errors.contains(world.source + "/web1/" + name), "\(collected)")
            }
            for program in [Program.pack, .ship] {
                try await world.expect(program, ["logs", "--run", Pipeline.run], through: Self.user)
            }
            let restore = try await StockRestore(world, Pipeline.run)
            let skipped = restore.skipped("web1")
            #expect(Set(skipped.keys) == ["acme/secret", "acme/group", "acme/closed"])
            for path in ["acme/secret", "acme/group", "acme/closed", "acme/closed/below"] as [ByteString] {
                source.entries[path] = nil
            }
            let differences = restore.differences("web1", to: source)
            #expect(differences == [])
        }

        // MARK: The same bytes

        @Test("The same input gives the same archives and indexes, whatever the number of workers")
        func workers() async throws {
            let small = try await SmallWorld(until: .pack)
            var sums: [[String]] = []
            for workers in ["1", "2", "7", "0"] {
                let world = try await SmallWorld.copy(of: small.before)
                try await world.expect(.pack, ["logs", "--run", Pipeline.run, "--workers", workers])
                sums.append(
                    try await world.shell(
                        "cd \"$1/pack\" && find . -type f | sort | xargs sha256sum", [world.runDirectory()]
                    ).lines)
            }
            #expect(sums[0].count == 12)
            for other in sums.dropFirst() { #expect(other == sums[0]) }
        }
    }
}
