import Glibc
import Hosts
import Ledger
import Platform
import TestSupport
import Testing

/// What every kind of source tree does alike, and what each does by the capabilities that it declares.
@Suite(.timeLimit(.minutes(10)))
struct SourceTreeContractTests {
    private static let moment = Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789)

    private static func entries(_ tree: any SourceTree) throws -> [TreeEntry] {
        let next = try tree.inventory()
        var entries: [TreeEntry] = []
        while let entry = try next() { entries.append(entry) }
        return entries
    }

    private static func entry(_ key: ByteString, _ tree: any SourceTree) throws -> TreeEntry {
        let entry = try entries(tree).first { $0.entry.key == key }
        return try #require(entry, "no '\(key)'")
    }

    /// Reads a file to its end, in pieces of `size`.
    private static func read(_ file: any SourceFile, pieces size: Int = 100_000) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: size)
        while true {
            let offset = Int64(bytes.count)
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    // MARK: The same everywhere

    @Test(
        "Entries come in the order of their bytes, with kind, size, mode, owner and target",
        arguments: TreeKind.possible)
    func inventory(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path)
        let odd = ByteString(bytes: Array(" -odd 'name'\n\u{1}\u{7F}".utf8) + [0xFF, 0xFE])
        try build.file("a/b", Array("content".utf8), mode: 0o4755)
        try build.file("a-b", [1], mode: 0o400)
        try build.file("a.b", [])
        try build.file(ByteString("a/") + odd, [2, 3])
        try build.symlink("a0", to: "../\u{1}target")
        try build.symlink("broken", to: "/nowhere/at all")
        try build.directory("hollow", mode: 0o1750)
        try build.fifo("pipe")
        let found = try await kind.withTree(directory.path) { try Self.entries($0) }
        let keys: [ByteString] = ["a-b", "a.b", "a/", ByteString("a/") + odd, "a/b", "a0", "broken", "hollow/", "pipe"]
        #expect(found.map(\.entry.key) == keys)
        #expect(
            found.map(\.entry.kind) == [
                .file, .file, .directory, .file, .file, .symlink, .symlink, .directory, .fifo,
            ])
        #expect(found.map(\.entry.size) == [1, 0, 0, 2, 7, 0, 0, 0, 0])
        #expect(found.map(\.entry.link) == ["", "", "", "", "", "../\u{1}target", "/nowhere/at all", "", ""])
        #expect(found[0].entry.mode == 0o400 && found[4].entry.mode == 0o4755 && found[7].entry.mode == 0o1750)
        #expect(found.allSatisfy { $0.entry.uid == getuid() && $0.entry.gid == getgid() && $0.fault == nil })
    }

    @Test("A file reads as it is, in pieces of any size, and ends with nothing", arguments: TreeKind.possible)
    func content(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path)
        // Below, at and above what is fetched ahead, and none at all.
        let sizes = [0, 1, 70_001, 1 << 20, 3_500_000]
        for size in sizes {
            try build.file(ByteString("f\(size)"), (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })
        }
        for isAnnounced in [false, true] {
            let found = try await kind.withTree(directory.path) { tree in
                try Self.entries(tree).map { entry in
                    if isAnnounced { tree.announce(entry) }
                    let file = try tree.open(entry)
                    defer { file.close() }
                    let status = try file.status()
                    #expect(status.kind == .file && status.size == entry.entry.size && status.mode == entry.entry.mode)
                    #expect(status.modified == entry.entry.modified && status.uid == getuid())
                    return (entry.entry.key, try Self.read(file, pieces: isAnnounced ? 4_096 : 300_000))
                }
            }
            #expect(found.count == sizes.count)
            for (key, bytes) in found {
                let size = Int(key.description.dropFirst()) ?? -1
                let isSame = bytes == (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
                #expect(isSame, "\(key), \(bytes.count) bytes")
            }
        }
    }

    @Test("A missing tree is told with its path and with advice", arguments: TreeKind.possible)
    func missing(_ kind: TreeKind) async throws {
        let fault = await #expect(throws: Fault.self) {
            try await kind.withTree("/nowhere/20261120") { _ = try Self.entries($0) }
        }
        #expect(fault?.code == .notFound && fault?.hint != nil)
        #expect(fault?.message.contains("/nowhere/20261120") == true, "\(String(describing: fault))")
    }

    @Test("One name can be looked at: a file, a link, and nothing", arguments: TreeKind.possible)
    func look(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path)
        try build.file("sub/_READY", [1, 2])
        try build.symlink("sub/link", to: "_READY")
        try await kind.withTree(directory.path) { tree in
            let file = try tree.look(at: "sub/_READY").entry
            #expect(file.kind == .file && file.size == 2)
            let link = try tree.look(at: "sub/link").entry
            #expect(link.kind == .symlink && link.link == "_READY")
            for key in ["sub/_DONE", "no/where"] as [ByteString] {
                let fault = #expect(throws: Fault.self) { _ = try tree.look(at: key) }
                let first = key.components.prefix(key == "no/where" ? 1 : 2).map(\.description).joined(separator: "/")
                #expect(fault?.code == .notFound, "\(key): \(String(describing: fault))")
                #expect(fault?.message.contains("\(directory.path)/\(first)") == true, "\(String(describing: fault))")
            }
        }
    }

    @Test("What is not of the tree is left out, at the top only", arguments: TreeKind.possible)
    func ignored(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path)
        for place in ["", "sub/"] {
            for name in ["lost+found/x", ".coldchain-guard", "_READY"] { try build.file(ByteString(place + name)) }
        }
        let found = try await kind.withTree(directory.path, ignoring: ["_READY"]) { try Self.entries($0) }
        #expect(
            found.map(\.entry.key) == [
                "sub/", "sub/.coldchain-guard", "sub/_READY", "sub/lost+found/", "sub/lost+found/x",
            ])
    }

    @Test(
        "A link that took a file's place is not followed, and a file that vanished is told",
        arguments: TreeKind.possible)
    func replacedByLink(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path)
        for name in ["gone", "log"] as [ByteString] { try build.file(name, [UInt8](repeating: 65, count: 5_000)) }
        let root = build.root
        for isAnnounced in [false, true] {
            try await kind.withTree(directory.path) { tree in
                let entries = try Self.entries(tree)
                #expect(entries.map(\.entry.key) == ["gone", "log"])
                try root.remove("gone")
                try root.remove("log")
                try root.makeLink("log", to: "/etc/passwd")
                for (entry, code) in zip(entries, [Fault.Code.notFound, .changed]) {
                    if isAnnounced { tree.announce(entry) }
                    let fault = #expect(throws: Fault.self) { _ = try tree.open(entry) }
                    #expect(fault?.code == code, "\(entry.entry.key): \(String(describing: fault))")
                    #expect(fault?.message.contains("\(directory.path)/\(entry.entry.key)") == true)
                }
                try root.remove("log")
                for name in ["gone", "log"] as [ByteString] {
                    try build.file(name, [UInt8](repeating: 65, count: 5_000))
                }
            }
        }
    }

    @Test(
        "What may not be read concerns that entry alone", .enabled(if: getuid() != 0, "root reads whatever the modes"),
        arguments: TreeKind.possible)
    func unreadable(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path)
        try build.file("closed", [1], mode: 0)
        try build.file("open", [2])
        try build.file("room/x", [3])
        try build.root.setMode("room", 0)
        let found = try await kind.withTree(directory.path) { tree in
            let entries = try Self.entries(tree)
            let fault = #expect(throws: Fault.self) { _ = try tree.open(entries[0]) }
            #expect(fault?.code == .permission)
            #expect(try Self.read(try tree.open(entries[1])) == [2])
            return entries
        }
        #expect(found.map(\.entry.key) == ["closed", "open", "room/"])
        #expect(found[2].fault?.code == .permission)
    }

    @Test("A file that grows after its open has that size in its status, or a later one", arguments: TreeKind.possible)
    func growing(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        try TreeBuilder(directory.path).file("log", [UInt8](repeating: 65, count: 2_000_000))
        let path = directory.path + "/log"
        try await kind.withTree(directory.path) { tree in
            let entry = try Self.entry("log", tree)
            let file = try tree.open(entry)
            defer { file.close() }
            let before = try file.status().size
            let descriptor = Glibc.open(path, O_WRONLY | O_APPEND)
            #expect(Glibc.write(descriptor, "more", 4) == 4)
            close(descriptor)
            let (between, whole) = (try file.status().size, try Self.read(file))
            #expect(before == 2_000_000 && between == 2_000_004)
            #expect(whole.prefix(2_000_000).allSatisfy { $0 == 65 } && whole.count >= 2_000_000)
        }
    }

    // MARK: By capability

    @Test("Times are those of the file, or whole seconds where that is declared", arguments: TreeKind.possible)
    func times(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path)
        try build.file("f", [1], modified: Self.moment)
        try build.file("old", [1], modified: Timestamp(seconds: 1))
        try await kind.withTree(directory.path) { tree in
            let isWhole = tree.capabilities.contains(.wholeSeconds)
            let expected = Timestamp(seconds: Self.moment.seconds, nanoseconds: isWhole ? 0 : Self.moment.nanoseconds)
            let entry = try Self.entry("f", tree)
            let file = try tree.open(entry)
            defer { file.close() }
            #expect(entry.entry.modified == expected)
            #expect(try file.status().modified == expected)
            #expect(try tree.look(at: "f").entry.modified == expected)
            #expect(try Self.entry("old", tree).entry.modified == Timestamp(seconds: 1))
        }
    }

    @Test(
        "What is held of the other kind of tree is carried: times are compared at the coarser resolution",
        arguments: TreeKind.possible)
    func coarser(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        try TreeBuilder(directory.path + "/tree").file("t/f", Array("content".utf8), modified: Self.moment)
        let path = directory.path + "/tree"
        for other in TreeKind.possible {
            let (first, isCoarse) = try await other.withTree(path) { tree in
                let collected = try collectBlocking(
                    tree, in: "\(directory.path)/held-\(other)", held: nil, rules: .init(isAlwaysFull: false),
                    workers: 2, now: later, run: "2026-11-19", place: allToAcme)
                return (collected, tree.capabilities.contains(.wholeSeconds))
            }
            #expect(try first.row("t/f").action == .take)
            let second = try await kind.withTree(path) { tree in
                try collectBlocking(
                    tree, in: "\(directory.path)/\(other)", held: first.held,
                    rules: .init(isAlwaysFull: false, wholeSeconds: isCoarse), workers: 2, now: later,
                    run: "2026-11-20", place: allToAcme)
            }
            #expect(try second.row("t/f").action == .carry, "\(kind) after \(other)")
        }
    }

    @Test("Further names are hard links with inodes, and files of their own without", arguments: TreeKind.possible)
    func inodes(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        try build.file("a", Array("same".utf8))
        try build.hardLink("b", to: "a")
        let (path, out) = (directory.path + "/tree", directory.path + "/out")
        try await kind.withTree(path) { tree in
            let hasInodes = tree.capabilities.contains(.inodes)
            let entries = try Self.entries(tree)
            #expect(entries.map(\.entry.kind) == (hasInodes ? [.file, .hardLink] : [.file, .file]))
            #expect(entries.map(\.entry.link) == (hasInodes ? ["", "a"] : ["", ""]))
            #expect(entries.allSatisfy { ($0.identity != nil) == hasInodes })
            #expect(entries[0].links == (hasInodes ? 2 : 1))
            let file = try tree.open(entries[0])
            defer { file.close() }
            #expect(try file.status().identity == entries[0].identity)
            let collected = try collectBlocking(
                tree, in: out, held: nil, rules: .init(isAlwaysFull: false), workers: 2, now: later,
                run: "2026-11-20", place: allToAcme)
            #expect(collected.outcome.warnings == [])
            #expect(try collected.content("a") == Array("same".utf8))
            if !hasInodes { #expect(try collected.content("b") == Array("same".utf8)) }
        }
    }

    @Test(
        "A file replaced by one that looks the same is seen by its inode, and else taken as it is",
        arguments: TreeKind.possible)
    func replaced(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path)
        try build.file("log", Array("one".utf8), modified: Self.moment)
        try await kind.withTree(directory.path) { tree in
            let entry = try Self.entry("log", tree)
            // The old file stays, so that its inode is given to no other.
            try build.root.rename("log", to: "old", in: build.root)
            try build.file("log", Array("two".utf8), modified: Self.moment)
            let file = try tree.open(entry)
            defer { file.close() }
            let now = try file.status()
            #expect(now.size == entry.entry.size && now.modified == entry.entry.modified)
            #expect((now.identity != entry.identity) == tree.capabilities.contains(.inodes))
            #expect(try Self.read(file) == Array("two".utf8))
        }
    }

    @Test("Holes are told where they are seen, and arrive as zeros elsewhere", arguments: TreeKind.possible)
    func holes(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        let size: Int64 = 12 << 20
        try build.sparseFile("sparse", size: size, [4 << 20: [UInt8](repeating: 7, count: 65_536)])
        // Not every file system keeps holes.
        let isSparse = try build.root.status("sparse").allocated < 4 << 20
        let (path, out) = (directory.path + "/tree", directory.path + "/out")
        try await kind.withTree(path) { tree in
            let seesHoles = tree.capabilities.contains(.holes)
            let file = try tree.open(try Self.entry("sparse", tree))
            defer { file.close() }
            let ranges = try file.dataRanges(size: size)
            let allocated = try file.status().allocated
            #expect((allocated != nil) == seesHoles)
            if seesHoles && isSparse {
                #expect(ranges.allSatisfy { $0.lowerBound >= 3 << 20 && $0.upperBound <= 5 << 20 }, "\(ranges)")
                #expect(!ranges.isEmpty)
            } else {
                #expect(ranges == [0..<size])
            }
            let collected = try collectBlocking(
                tree, in: out, held: nil, rules: .init(isAlwaysFull: false), workers: 2, now: later,
                run: "2026-11-20", place: allToAcme)
            let row = try collected.row("sparse")
            #expect(row.entry.size == size && (row.sparse != nil) == (seesHoles && isSparse))
            let content = try collected.content("sparse")
            let data = content[(4 << 20)..<(4 << 20) + 65_536].allSatisfy { $0 == 7 }
            #expect(data && content.count == Int(size) && content.count { $0 != 0 } == 65_536)
        }
    }

    @Test("Extended attributes are left where they are, and nothing warns", arguments: TreeKind.possible)
    func extendedAttributes(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        try TreeBuilder(directory.path + "/tree").file("f", [1])
        let path = directory.path + "/tree"
        let set = try await run(["setfattr", "-n", "user.note", "-v", "kept", path + "/f"])
        // Where the file system has none, the outcome is the same.
        #expect(set.status == 0 || set.errors.contains("not supported"), "\(set)")
        let collected = try await kind.withTree(path) { tree in
            try collectBlocking(
                tree, in: directory.path + "/out", held: nil, rules: .init(isAlwaysFull: false), workers: 2,
                now: later, run: "2026-11-20", place: allToAcme)
        }
        #expect(try collected.row("f").action == .take && collected.outcome.warnings == [])
        let got = try await run(["getfattr", "--absolute-names", "-d", collected.staging + "/f"])
        #expect(got.status == 0 && got.output.isEmpty, "\(got)")
    }

    // MARK: A whole tree

    @Test(
        "A whole tree is collected with every byte, and the same again with nothing to take",
        arguments: TreeKind.possible)
    func whole(_ kind: TreeKind) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        var random = SplitMix64(seed: 7)
        for number in 0..<400 {
            let size = Int(random.next() % 20_000)
            try build.file(
                ByteString("t\(number % 40)/f\(number).log"),
                (0..<size).map { UInt8(truncatingIfNeeded: $0 &* number) },
                mode: 0o640, modified: Timestamp(seconds: 1_700_000_000 + Int64(number)))
        }
        try build.file("big", (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try build.file(ByteString("deep/" + (0..<40).map { "d\($0)" }.joined(separator: "/") + "/leaf"), [9])
        try build.symlink("link", to: "t1")
        let path = directory.path + "/tree"
        let first = try await kind.withTree(path) { tree in
            try collectBlocking(
                tree, in: directory.path + "/out", held: nil, rules: .init(isAlwaysFull: false), workers: 3,
                now: later, run: "2026-11-19", place: allToAcme)
        }
        #expect(first.outcome.warnings == [] && first.outcome.counts["taken"] == Int64(first.rows.count))
        let same = try await run(["diff", "-r", "--no-dereference", "--exclude=link", path, first.staging])
        #expect(same.status == 0, "\(same)")
        #expect(try first.row("link").entry.link == "t1")
        let second = try await kind.withTree(path) { tree in
            try collectBlocking(
                tree, in: directory.path + "/again", held: first.held, rules: .init(isAlwaysFull: false), workers: 3,
                now: later, run: "2026-11-20", place: allToAcme)
        }
        #expect(second.outcome.counts["taken"] == nil && second.outcome.counts["carried"] == Int64(second.rows.count))
    }
}
