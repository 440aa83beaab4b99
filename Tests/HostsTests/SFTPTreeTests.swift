import Codec
import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@testable import Hosts

@Suite(.timeLimit(.minutes(10)))
struct SFTPTreeTests {
    /// A tree with what trees have: 60 directories of files, deep ones, links, empty ones, large files.
    private func build(_ path: String) throws {
        let build = try TreeBuilder(path)
        var random = SplitMix64(seed: 7)
        for tenant in 0..<60 {
            for file in 0..<5 {
                let size = Int(random.next() % 9_000)
                try build.file(
                    ByteString("t\(tenant)/c/f\(file).log"),
                    (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 + tenant) },
                    modified: Timestamp(seconds: 1_700_000_000 + Int64(tenant)))
            }
        }
        try build.file("a-b", [1])
        try build.file("a.b", [2])
        try build.file("a/b", [3])
        try build.file("empty", [])
        try build.directory("hollow", mode: 0o750)
        try build.symlink("link", to: "a/b")
        try build.symlink("t1/broken", to: "/nowhere/at all")
        try build.file("big", (0..<3_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try build.file("deep/" + (0..<40).map { "d\($0)" }.joined(separator: "/").bytes + "/leaf", [9])
    }

    private func expectSame(_ distant: Collected, _ local: Collected) {
        #expect(distant.rows.map(\.entry.key) == local.rows.map(\.entry.key))
        for (left, right) in zip(distant.rows, local.rows) {
            #expect(left.action == right.action && left.entry.kind == right.entry.kind, "\(left.entry.key)")
            #expect(left.entry.size == right.entry.size && left.manifest.sha256 == right.manifest.sha256)
            #expect(left.entry.modified.seconds == right.entry.modified.seconds)
            #expect(left.entry.modified.nanoseconds == 0)
            #expect(left.entry.mode == right.entry.mode && left.entry.uid == right.entry.uid)
            #expect(left.entry.link == right.entry.link)
        }
    }

    @Test(
        "A distant tree gives what the same tree gives locally",
        arguments: [
            ("plain", SFTPServer.Options()),
            (
                "no limits, short reads",
                {
                    var o = SFTPServer.Options(); o.offersLimits = false; o.longestRead = 1_000; return o
                }()
            ),
            (
                "two names at once",
                {
                    var o = SFTPServer.Options(); o.namesAtOnce = 2; return o
                }()
            ),
            (
                "replies in another order",
                {
                    var o = SFTPServer.Options(); o.reversed = 5; return o
                }()
            ),
        ] as [(String, SFTPServer.Options)])
    func same(_ name: String, _ server: SFTPServer.Options) async throws {
        let directory = try TemporaryDirectory()
        try build(directory.path + "/tree")
        let local = try await collect(LocalTree(directory.path + "/tree"), in: directory.path + "/local")
        let distant = try await collectFromServer(
            directory.path + "/tree", into: directory.path + "/distant", server, streams: 2)
        expectSame(distant, local)
        #expect(distant.outcome.warnings.isEmpty)
    }

    @Test("Directories and small files are asked for ahead, and handles stay few")
    func ahead() async throws {
        let directory = try TemporaryDirectory()
        try build(directory.path + "/tree")
        let most = try await onOwnThread { () -> (Int, Int) in
            let distant = try Distant(directory.path + "/tree")
            defer { distant.stop() }
            _ = try collectBlocking(
                distant.tree, in: directory.path + "/out", held: nil, rules: .init(isAlwaysFull: false), workers: 2,
                now: later, run: "2026-11-20", place: allToAcme)
            return distant.servers[0].handles.with { ($0.now, $0.most) }
        }
        #expect(most.0 == 0, "every handle is closed")
        #expect(most.1 > 3 && most.1 <= 100, "\(most.1) handles at once")
    }

    @Test("A file that is rewritten under the copy is read again, whole", arguments: [2_000, 2_000_000])
    func rewritten(_ size: Int) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        try build.file("log", [UInt8](repeating: 65, count: size), modified: Timestamp(seconds: 1_000))
        let path = directory.path + "/tree/log"
        let reads = Counter()
        var server = SFTPServer.Options()
        server.before = { request, name in
            guard request == 5, name == path else { return }
            reads.add(1)
            guard reads.value == 1 else { return }
            try? build.file("log", [UInt8](repeating: 66, count: size), modified: Timestamp(seconds: 2_000))
        }
        let collected = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out", server)
        let row = try collected.row("log")
        #expect(row.action == .take && row.manifest.flags == [] && row.entry.modified == Timestamp(seconds: 2_000))
        #expect(try collected.content("log") == [UInt8](repeating: 66, count: size))
        #expect(reads.value > 1)
    }

    @Test("A file that only grows under the copy keeps its size at the open")
    func growing() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/tree/log"
        try TreeBuilder(directory.path + "/tree").file("log", [UInt8](repeating: 65, count: 2_000_000))
        var server = SFTPServer.Options()
        let reads = Counter()
        server.before = { request, name in
            guard request == 5, name == path else { return }
            reads.add(1)
            let file = Glibc.open(path, O_WRONLY | O_APPEND)
            _ = Glibc.write(file, "more", 4)
            close(file)
        }
        let collected = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out", server)
        let row = try collected.row("log")
        #expect(row.manifest.flags.contains(.grew) && row.entry.size == 2_000_000)
        #expect(reads.value > 0)
    }

    @Test("A file that vanishes or can't be read is skipped with its reason")
    func unreadable() async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        for name in ["a", "b", "c"] { try build.file(ByteString(name), [1, 2, 3]) }
        var server = SFTPServer.Options()
        server.tamper = { request, path, reply in
            guard request == 3 else { return reply }
            let id = Array(reply[1..<5])
            let code: UInt8 = path.hasSuffix("/a") ? 2 : path.hasSuffix("/b") ? 3 : 0
            return code == 0 ? reply : [101] + id + [0, 0, 0, code, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        let collected = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out", server)
        #expect(try collected.row("a").reason == "vanished")
        #expect(try collected.row("b").reason == "unreadable")
        #expect(try collected.row("c").action == .take)
        #expect(collected.outcome.warnings.count == 1)
    }

    @Test("A link that took a file's place is collected as a link, not followed")
    func replacedByLink() async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        try build.file("log", [UInt8](repeating: 65, count: 5_000))
        let root = build.root
        let isDone = Counter()
        var server = SFTPServer.Options()
        server.before = { request, path in
            guard request == 3, path.hasSuffix("/log"), isDone.value == 0 else { return }
            isDone.add(1)
            try? root.remove("log")
            try? root.makeLink("log", to: "/etc/passwd")
        }
        let collected = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out", server)
        let row = try collected.row("log")
        #expect(row.entry.kind == .symlink && row.entry.link == "/etc/passwd", "\(row)")
    }

    @Test("Markers are looked for and never collected")
    func marker() async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        try build.file("_READY", [])
        try build.file("sub/_READY", [])
        let collected = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out") {
            $0.ignored = ["_READY"]
        }
        #expect(collected.rows.map(\.entry.key) == ["sub/", "sub/_READY"])
        try await onOwnThread {
            let distant = try Distant(directory.path + "/tree")
            defer { distant.stop() }
            #expect(try distant.tree.look(at: "_READY").entry.kind == .file)
            let fault = #expect(throws: Fault.self) { _ = try distant.tree.look(at: "_DONE") }
            #expect(fault?.code == .notFound)
        }
    }

    @Test("A missing tree is told with its host and path")
    func missing() async throws {
        try await onOwnThread {
            let distant = try Distant("/nowhere/20261120")
            defer { distant.stop() }
            let fault = #expect(throws: Fault.self) { _ = try distant.tree.inventory() }
            #expect(fault?.code == .notFound)
            #expect(fault?.message == "list host:/nowhere/20261120/: no such file or directory")
            #expect(fault?.hint != nil)
        }
    }

    @Test("A rate is kept")
    func rate() async throws {
        let directory = try TemporaryDirectory()
        try TreeBuilder(directory.path + "/tree").file("big", [UInt8](repeating: 1, count: 3_000_000))
        let began = Clock.monotonic()
        _ = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out") {
            $0.rate = RateLimit(bytesPerSecond: 2_000_000)
        }
        #expect(Clock.monotonic() - began > 1.2)
    }
}

extension String {
    fileprivate var bytes: ByteString { ByteString(self) }
}
