import Codec
import Glibc
import Hosts
import Ledger
import Platform
import TestSupport
import Testing

/// Files that change while they are read: the log trees that this tool is for do that all the time.
@Suite(.timeLimit(.minutes(10)))
struct ChangingFilesTests {
    private static let content = Array("0123456789abcdef".utf8)

    /// Collects a tree whose one file `log` is worked on.
    private func collectLog(
        opening: @escaping @Sendable (TreeBuilder) throws(Fault) -> Void = { (_) throws(Fault) in },
        reading: @escaping @Sendable (TreeBuilder, _ number: Int64) throws(Fault) -> Void = { (_, _) throws(Fault) in },
        _ check: (Collected, _ opens: Int64) throws -> Void
    ) async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("log", Self.content, modified: Timestamp(seconds: 1_000))
            let reads = Counter()
            let tree = try ChangingTree(
                path + "/tree",
                opening: { (key) throws(Fault) in if key == "log" { try opening(build) } },
                reading: { (_) throws(Fault) in
                    reads.add(1)
                    try reading(build, reads.value)
                }, step: 4)
            let collected = try await collect(tree, in: path + "/out")
            try check(collected, tree.opens.value)
        }
    }

    @Test func `one that vanished is skipped without a warning`() async throws {
        try await collectLog(opening: { (build) throws(Fault) in try build.root.remove("log") }) { collected, _ in
            let row = try collected.row("log")
            #expect(row.action == .skip && row.reason == "vanished" && row.manifest.flags == .skipped)
            #expect(collected.outcome.warningCount == 0 && collected.outcome.counts["skipped.vanished"] == 1)
        }
    }

    @Test func `one that grows keeps the size it had when it was opened`() async throws {
        try await collectLog(reading: { (build, number) throws(Fault) in
            let file = try build.root.appendFile("log")
            try file.write(Array("more".utf8))
        }) { collected, opens in
            let row = try collected.row("log")
            #expect(row.action == .take && row.manifest.flags == .grew && row.entry.size == 16)
            #expect(row.entry.modified == Timestamp(seconds: 1_000))
            #expect(try collected.content("log") == Self.content)
            #expect(opens == 1 && collected.outcome.counts["flagged.grew"] == 1)
        }
    }

    @Test func `one that shrinks once is read again`() async throws {
        try await collectLog(reading: { (build, number) throws(Fault) in
            if number == 2 { try build.file("log", Array("short".utf8), modified: Timestamp(seconds: 2_000)) }
        }) { collected, opens in
            let row = try collected.row("log")
            #expect(row.manifest.flags == [] && row.entry.size == 5 && opens == 2)
            #expect(row.entry.modified == Timestamp(seconds: 2_000))
            #expect(try collected.content("log") == Array("short".utf8))
        }
    }

    @Test func `one that shrinks every time is kept as far as it could be read, and marked`() async throws {
        try await collectLog(
            opening: { (build) throws(Fault) in try build.file("log", Self.content) },
            reading: { (build, number) throws(Fault) in
                if number % 3 == 0 { try build.file("log", Array("01234567".utf8)) }
            }
        ) { collected, opens in
            let row = try collected.row("log")
            #expect(row.action == .take && row.manifest.flags == .dirty && row.entry.size == 8 && opens == 4)
            #expect(try collected.content("log") == Array("01234567".utf8))
            #expect(collected.outcome.warningCount == 1)
            #expect(collected.outcome.warnings.first?.contains("/tree/log: changed while it was read") == true)
        }
    }

    @Test func `one that is rewritten with the same size is read again`() async throws {
        let other = Array("fedcba9876543210".utf8)
        try await collectLog(reading: { (build, number) throws(Fault) in
            if number == 3 { try build.file("log", other, modified: Timestamp(seconds: 2_000)) }
        }) { collected, opens in
            let row = try collected.row("log")
            #expect(row.manifest.flags == [] && opens == 2 && row.entry.modified == Timestamp(seconds: 2_000))
            #expect(try collected.content("log") == other)
        }
        try await collectLog(reading: { (build, number) throws(Fault) in
            try build.file("log", other, modified: Timestamp(seconds: 2_000 + number))
        }) { collected, opens in
            let row = try collected.row("log")
            #expect(row.manifest.flags == .dirty && opens == 4)
            #expect(collected.outcome.counts["flagged.dirty"] == 1)
        }
    }

    @Test func `one that was rotated away is collected as what has its name now`() async throws {
        try await collectLog(opening: { (build) throws(Fault) in
            if try build.root.exists("log.1") { return }
            try build.root.rename("log", to: "log.1")
            try build.file("log", text: "fresh")
        }) { collected, opens in
            let content = try collected.content("log")
            #expect(content == Array("fresh".utf8) && opens == 2)
            #expect(collected.rows.count == 1 && collected.outcome.warningCount == 0)
        }
    }

    @Test func `one that became a link is kept as the link`() async throws {
        try await collectLog(opening: { (build) throws(Fault) in
            try build.root.removeIfPresent("log")
            try build.symlink("log", to: "/etc/passwd")
        }) { collected, _ in
            let row = try collected.row("log")
            #expect(row.action == .take && row.entry.kind == .symlink && row.entry.link == "/etc/passwd")
            #expect(row.manifest.sha256 == nil)
        }
    }

    @Test func `one that became a FIFO or a directory is skipped and nothing hangs`() async throws {
        try await collectLog(opening: { (build) throws(Fault) in
            try build.root.removeIfPresent("log")
            try build.fifo("log")
        }) { collected, _ in
            let row = try collected.row("log")
            #expect(row.action == .skip && row.reason == "fifo")
        }
        try await collectLog(opening: { (build) throws(Fault) in
            try build.root.remove("log")
            try build.directory("log")
        }) { collected, _ in
            let row = try collected.row("log")
            #expect(row.action == .skip && row.reason == "changed" && collected.outcome.warningCount == 1)
        }
    }

    @Test func `one whose directory was replaced by a link is read where it was`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("d/passwd", text: "ours")
            let tree = try ChangingTree(
                path + "/tree",
                opening: { (_) throws(Fault) in
                    try build.root.rename("d", to: "e")
                    try build.symlink("d", to: "/etc")
                })
            let collected = try await collect(tree, in: path + "/out")
            #expect(try collected.content("d/passwd") == Array("ours".utf8))
        }
    }

    @Test func `a read error skips the entry and leaves nothing of it`() async throws {
        try await collectLog(reading: { (_, number) throws(Fault) in
            if number == 3 { throw Fault(.io, "read /tree/log: input/output error") }
        }) { collected, opens in
            let row = try collected.row("log")
            #expect(row.action == .skip && row.reason == "read-error" && opens == 1)
            #expect(collected.outcome.warnings == ["read /tree/log: input/output error"])
        }
    }

    @Test func `an error that may pass is tried again`() async throws {
        try await collectLog(reading: { (_, number) throws(Fault) in
            if number == 3 { throw Fault(.io, "read /tree/log: timed out", retry: .temporary) }
        }) { collected, opens in
            let content = try collected.content("log")
            #expect(content == Self.content && opens == 2)
        }
    }

    @Test func `a mount that went away ends the unit`() async throws {
        let fault = await #expect(throws: Fault.self) {
            try await collectLog(opening: { (_) throws(Fault) in throw Fault(.unmounted, "open /tree/log: stale") }) {
                _, _ in
            }
        }
        #expect(fault?.code == .unmounted)
    }

    @Test func `many faults give many counts and few texts`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            for number in 0..<50 { try build.file(ByteString("f\(number + 100)"), text: "x") }
            let tree = try ChangingTree(
                path + "/tree", opening: { (key) throws(Fault) in throw Fault(.permission, "open \(key): denied") })
            let collected = try await collect(tree, in: path + "/out")
            #expect(collected.outcome.warningCount == 50 && collected.outcome.warnings.count == 20)
            #expect(collected.outcome.warnings.first == "open f100: denied")
            #expect(collected.outcome.counts["skipped.unreadable"] == 50)
        }
    }

    @Test(.enabled(if: getuid() == 0))
    func `what another account keeps to itself is listed and skipped`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("closed/inside", text: "x")
            try build.directory("closed", mode: 0o700)
            try build.file("open", text: "y")
            try build.file("secret", text: "z", mode: 0o400)
            try build.root.setMode(".", 0o755)
            let out = try TreeBuilder(path + "/out")
            let top = try Directory.open(path)
            try top.setMode(".", 0o755)
            try top.setOwner("out", uid: 65_534, gid: 65_534)
            _ = out
            let collected = try await onOwnThread {
                try becomeNobody()
                return try collectBlocking(
                    try LocalTree(path + "/tree"), in: path + "/out", held: nil, rules: .init(isAlwaysFull: false),
                    workers: 2, now: later, run: "2026-11-20", place: allToAcme)
            }
            #expect(collected.rows.map(\.entry.key) == ["closed/", "open", "secret"])
            #expect(collected.rows.map(\.action) == [.skip, .take, .skip])
            #expect(collected.rows.map(\.reason) == ["unreadable", "new", "unreadable"])
            #expect(try collected.row("closed/").entry.mode == 0o700)
            #expect(collected.outcome.warningCount == 2)
        }
    }
}

/// Gives up root's rights to files, for this thread and those it starts (setfsuid(2)).
private func becomeNobody() throws {
    let symbol = try #require(dlsym(nil, "setfsuid"))
    let setfsuid = unsafeBitCast(symbol, to: (@convention(c) (UInt32) -> Int32).self)
    _ = setfsuid(65_534)
}
