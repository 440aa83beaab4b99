import Codec
import Glibc
import Hosts
import Ledger
import Platform
import Settings
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct TreeCollectionTests {
    @Test func `names that are hard to keep arrive as they are`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            let long = ByteString(bytes: Array(repeating: UInt8(ascii: "n"), count: 255))
            let longRaw = ByteString(bytes: Array(repeating: 0xE4, count: 255))
            var keys: [ByteString] = [
                "with space", "with\nnewline", "with\ttab", "it's \"quoted\"", "-rf", "--help", "~", "*", "\\", "%41",
                "%", "...", ".hidden", "trailing ", "$(x)", "ünïcode", long, longRaw,
                ByteString(bytes: [0xFF, 0xFE, 0x01, 0x7F]), "sub dir/\n/x",
            ]
            for key in keys { try build.file(key, key.bytes) }
            let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            keys.sort()
            #expect(collected.rows.filter { $0.entry.kind == .file }.map(\.entry.key) == keys)
            for key in keys { #expect(try collected.content(key) == key.bytes) }
            #expect(collected.outcome.warningCount == 0)
        }
    }

    @Test func `a path longer than any system call takes is collected`() async throws {
        try await withTemporaryDirectory { path in
            let name = ByteString(bytes: Array(repeating: UInt8(ascii: "d"), count: 200))
            var directory = try TreeBuilder(path + "/tree").root
            var key = ByteString()
            for _ in 0..<40 {
                directory = try directory.descendCreating([name])
                key = key + name + "/"
            }
            try TreeBuilder(directory).file("file", Array("deep".utf8))
            try TreeBuilder(directory).file("file2", Array("deeper".utf8))
            let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            #expect(key.count > 8_000 && collected.rows.count == 42)
            #expect(try collected.content(key + "file") == Array("deep".utf8))
            #expect(try collected.row(key + "file2").entry.size == 6)
        }
    }

    @Test func `every kind of entry has its row`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("empty")
            try build.file("setuid", Array("x".utf8), mode: 0o6755)
            try build.file("secret", Array("s".utf8), mode: 0o400, modified: Timestamp(seconds: 5, nanoseconds: 7))
            try build.directory("nothing", mode: 0o2750)
            try build.symlink("link", to: "nowhere")
            try build.fifo("fifo")
            try build.socket("socket")
            let isRoot = getuid() == 0
            if isRoot {
                #expect(mknod(path + "/tree/block", S_IFBLK | 0o600, 7 << 8) == 0)
                #expect(mknod(path + "/tree/char", S_IFCHR | 0o600, 1 << 8 | 3) == 0)
            }
            let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            #expect(try collected.row("empty").manifest.sha256 == SHA256Hasher.digest(of: []))
            #expect(try collected.row("setuid").entry.mode == 0o6755)
            let secret = try collected.row("secret")
            #expect(secret.entry.mode == 0o400 && secret.entry.modified == Timestamp(seconds: 5, nanoseconds: 7))
            #expect(secret.action == .take && secret.reason == "new" && secret.sparse == nil)
            #expect(secret.manifest.tenant == "acme" && secret.manifest.run == "2026-11-20")
            #expect(secret.manifest.object.isEmpty && secret.manifest.name.isEmpty && secret.manifest.range == nil)
            let directory = try collected.row("nothing/")
            #expect(directory.action == .take && directory.entry.mode == 0o2750 && directory.manifest.sha256 == nil)
            #expect(try collected.row("link").entry.link == "nowhere")
            for (key, reason) in [("fifo", "fifo"), ("socket", "socket")]
                + (isRoot ? [("block", "device"), ("char", "device")] : [])
            {
                let row = try collected.row(ByteString(key))
                #expect(row.action == .skip && row.reason == reason && row.manifest.flags == .skipped)
                #expect(row.manifest.reason == reason)
            }
            let counts = collected.outcome.counts
            #expect(counts["files"] == 3 && counts["directories"] == 1 && counts["symlinks"] == 1)
            #expect(counts["taken"] == 5 && counts["taken.new"] == 5 && counts["skipped.fifo"] == 1)
            #expect(counts["bytes.taken"] == 2 && counts["carried"] == nil)
        }
    }

    @Test func `further names share the first one's content and digest`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("a/one", Array("shared".utf8))
            try build.hardLink("a/two", to: "a/one")
            try build.hardLink("b/three", to: "a/one")
            let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            let one = try collected.row("a/one")
            for key in [ByteString("a/two"), "b/three"] {
                let row = try collected.row(key)
                #expect(row.action == .take && row.entry.kind == .hardLink && row.entry.link == "a/one")
                #expect(row.manifest.sha256 == one.manifest.sha256 && row.entry.size == 6)
            }
            #expect(collected.outcome.counts["hardlinks"] == 2 && collected.outcome.counts["bytes.taken"] == 6)
        }
    }

    @Test func `a new name of a carried file becomes a file, once`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("a", Array("shared".utf8))
            let first = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            try build.hardLink("b", to: "a")
            try build.hardLink("c", to: "a")
            let tree = try LocalTree(path + "/tree")
            let second = try await collect(tree, in: path + "/out", held: first.held, run: "2026-11-21")
            #expect(try second.row("a").action == .carry)
            let b = try second.row("b")
            #expect(b.action == .take && b.entry.kind == .file && b.entry.link.isEmpty)
            #expect(try second.content("b") == Array("shared".utf8))
            let c = try second.row("c")
            #expect(c.action == .take && c.entry.kind == .hardLink && c.entry.link == "b")
            #expect(c.manifest.sha256 == b.manifest.sha256)

            let third = try await collect(tree, in: path + "/out", held: second.held, run: "2026-11-22")
            #expect(try third.row("a").action == .carry)
            let carried = try third.row("b")
            #expect(carried.action == .carry && carried.entry.kind == .file && carried.entry.link.isEmpty)
            #expect(carried.manifest.run == "2026-11-21")
        }
    }

    @Test func `further names of a file that could not be collected find another first`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("a", Array("shared".utf8))
            for name in [ByteString("b"), "c", "d"] { try build.hardLink(name, to: "a") }
            // One name vanishes, the next becomes another file: neither is what the others are names of.
            let tree = try ChangingTree(
                path + "/tree",
                opening: { (key) throws(Fault) in
                    if key == "a" { try build.root.removeIfPresent("a") }
                    if key == "b", try build.root.status("b").links > 1 {
                        try build.root.remove("b")
                        try build.file("b", Array("other".utf8), modified: Timestamp(seconds: 1))
                    }
                })
            let collected = try await collect(tree, in: path + "/out", workers: 1)
            let a = try collected.row("a")
            #expect(a.action == .skip && a.reason == "vanished")
            #expect(try collected.row("b").entry.kind == .file && collected.content("b") == Array("other".utf8))
            #expect(try collected.row("c").entry.kind == .file && collected.content("c") == Array("shared".utf8))
            let d = try collected.row("d")
            #expect(d.entry.kind == .hardLink && d.entry.link == "c")
            #expect(try d.manifest.sha256 == collected.row("c").manifest.sha256)
            #expect(collected.outcome.warningCount == 0)
        }
    }

    @Test func `a hole of gigabytes stays one`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            let size: Int64 = 8 << 30 + 4_096
            try build.sparseFile("both", size: 64 << 20, [0: Array("begin".utf8), 64 << 20 - 3: Array("end".utf8)])
            try build.sparseFile("huge", size: size, [size - 4: Array("tail".utf8)])
            try build.sparseFile("nothing", size: 1 << 20)
            let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            let both = try #require(try collected.row("both").sparse)
            #expect(both.count == 2 && both[0].lowerBound == 0 && both[1].upperBound == 64 << 20)
            let huge = try collected.row("huge")
            #expect(huge.entry.size == size && huge.sparse?.last?.upperBound == size)
            #expect(try collected.row("nothing").sparse == [])
            #expect(
                try collected.row("nothing").manifest.sha256
                    == SHA256Hasher.digest(of: Array(repeating: 0, count: 1 << 20)))
            let staged = try Directory.open(collected.staging).status("huge")
            #expect(staged.size == size && staged.allocated < 1 << 20)
        }
    }

    @Test func `a file of very many pieces is copied without its holes`() async throws {
        try await withTemporaryDirectory { path in
            var pieces: [Int64: [UInt8]] = [:]
            for number in 0..<600 { pieces[Int64(number) * 16_384] = [UInt8(number & 0xFF)] }
            try TreeBuilder(path + "/tree").sparseFile("holes", size: 600 * 16_384, pieces)
            let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            #expect(try collected.row("holes").sparse == nil)
        }
    }

    @Test func `a second run takes only what changed`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            for name in ["gone", "grown", "same", "touched"] {
                try build.file(ByteString(name), text: name, modified: Timestamp(seconds: 1_000))
            }
            let first = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            try build.root.remove("gone")
            try build.file("grown", text: "grown and more", modified: Timestamp(seconds: 1_000))
            try build.file("touched", text: "touched", modified: Timestamp(seconds: 1_000, nanoseconds: 1))
            try build.root.setMode("same", 0o600)
            try build.file("new", text: "new")
            let tree = try LocalTree(path + "/tree")
            let second = try await collect(tree, in: path + "/out", held: first.held, run: "2026-11-21")
            #expect(second.rows.map(\.entry.key) == ["grown", "new", "same", "touched"])
            #expect(second.rows.map(\.action) == [.take, .take, .carry, .take])
            #expect(second.rows.map(\.reason) == ["changed", "new", "", "changed"])
            let same = try second.row("same")
            let held = try #require(first.held.first { $0.entry.key == "same" })
            #expect(same.entry.mode == 0o600 && same.manifest.object == held.object && same.manifest.name == held.name)
            #expect(same.manifest.range == held.range && same.manifest.sha256 == held.sha256)
            #expect(same.manifest.run == "2026-11-20" && same.manifest.tenant == "acme")
            #expect(same.manifest.storageClass == "STANDARD")
            #expect(second.outcome.counts["vanished"] == 1 && second.outcome.counts["carried"] == 1)
            #expect(second.outcome.counts["bytes.carried"] == 4)

            let full = try await collect(tree, in: path + "/out", held: first.held, rules: .init(isAlwaysFull: true))
            #expect(full.rows.allSatisfy { $0.action == .take && $0.reason == "full" })
        }
    }

    @Test func `what was modified just before its capture is racy and taken again`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            let now = Timestamp(seconds: 10_000)
            try build.file("future", modified: Timestamp(seconds: 20_000))
            try build.file("old", modified: Timestamp(seconds: 9_998))
            try build.file("young", modified: Timestamp(seconds: 9_998, nanoseconds: 1))
            let tree = try LocalTree(path + "/tree")
            let first = try await collect(tree, in: path + "/out", now: now)
            #expect(first.rows.map(\.manifest.flags) == [.racy, [], .racy])
            #expect(first.outcome.counts["flagged.racy"] == 2)
            let second = try await collect(tree, in: path + "/out", held: first.held)
            #expect(second.rows.map(\.action) == [.take, .carry, .take])
            #expect(second.rows.map(\.reason) == ["racy", "", "racy"])
        }
    }

    @Test func `the placement decides about tenants, skips and refusals`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("acme/log", text: "x")
            try build.file("stray", text: "y")
            let tree = try LocalTree(path + "/tree")
            let collected = try await collect(tree, in: path + "/out") { key in
                key == "stray" ? .skip(reason: "unmatched") : .archive(tenant: "t1", name: "n", member: key)
            }
            #expect(try collected.row("acme/log").manifest.tenant == "t1")
            let stray = try collected.row("stray")
            #expect(stray.action == .skip && stray.reason == "unmatched" && stray.manifest.sha256 == nil)
            let fault = await #expect(throws: Fault.self) {
                _ = try await collect(tree, in: path + "/out") { key in
                    key == "stray" ? .refuse(reason: Placer.unmatched) : allToAcme(key)
                }
            }
            #expect(fault?.code == .settings)
            #expect(fault?.message.hasSuffix("/tree/stray: has no place in an archive (unmatched)") == true)
            #expect(fault?.hint?.contains("`layout`") == true && fault?.hint?.contains("`unmatched`") == true)
        }
    }

    @Test func `what an earlier attempt left is removed`() async throws {
        try await withTemporaryDirectory { path in
            try TreeBuilder(path + "/tree").file("a/b", text: "new")
            let left = try TreeBuilder(path + "/out/host.partial")
            try left.file("a", text: "a file where a directory must be")
            try left.file("other/deep/file", text: "left over")
            try left.symlink("link", to: "/etc/passwd")
            let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            #expect(try collected.content("a/b") == Array("new".utf8))
        }
    }

    @Test func `an empty tree has an empty list`() async throws {
        try await withTemporaryDirectory { path in
            _ = try TreeBuilder(path + "/tree")
            let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out")
            #expect(collected.rows.isEmpty && collected.outcome.counts.isEmpty)
        }
    }

    @Test func `the plan tells what the run does`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            for name in ["carried", "changed", "gone"] { try build.file(ByteString(name), text: name) }
            try build.hardLink("further", to: "carried")
            try build.hardLink("last", to: "carried")
            try build.fifo("fifo")
            let held = try await collect(try LocalTree(path + "/tree"), in: path + "/out").held
                .filter { $0.entry.key != "further" && $0.entry.key != "last" }
            try build.root.remove("gone")
            try build.file("changed", text: "changed again")
            let tree = try ChangingTree(path + "/tree")
            let collection = TreeCollection(
                tree, held: pull(held), rules: .init(isAlwaysFull: false), run: "2026-11-21", place: allToAcme)
            var planned: [EntryList.Row] = []
            let outcome = try collection.plan { planned.append($0) }
            #expect(tree.opens.value == 0 && outcome.list == nil)
            let collected = try await collect(tree, in: path + "/out", held: held, run: "2026-11-21")
            #expect(planned.map(\.entry.key) == collected.rows.map(\.entry.key))
            #expect(planned.map(\.action) == collected.rows.map(\.action))
            #expect(planned.map(\.entry.link) == collected.rows.map(\.entry.link))
            #expect(outcome.counts == collected.outcome.counts)
            #expect(outcome.counts["vanished"] == 1)
        }
    }

    @Test func `the list is the same for every number of workers`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            var random = SplitMix64(seed: 7)
            for number in 0..<400 {
                let key = ByteString("d\(number % 7)/e\(number % 3)/f\(number)")
                let size = number % 50 == 0 ? 3 << 20 : Int(random.next() % 9_000)
                try build.file(key, Array(repeating: UInt8(number & 0xFF), count: size))
                if number % 11 == 0 { try build.hardLink(ByteString("links/l\(number)"), to: key) }
            }
            var lists: Set<Digest256?> = []
            for workers in [1, 2, 7] {
                let collected = try await collect(try LocalTree(path + "/tree"), in: path + "/out", workers: workers)
                lists.insert(collected.outcome.list)
                #expect(collected.outcome.counts["files"] == 400 && collected.outcome.counts["hardlinks"] == 37)
            }
            #expect(lists.count == 1)
        }
    }

    @Test func `a hundred thousand entries are never all under way`() async throws {
        // In memory where there is such a place: disks take longer to make the files than we to list them.
        try await withTemporaryDirectory(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil) { path in
            let tree = MemoryTree(count: 100_000)
            let collected = try await collect(tree, in: path + "/out")
            #expect(collected.rows.count == 100_000)
            #expect(tree.announced.value == 100_000)
            // The window of 16 batches of 32, those at the workers' hands, and what is being gathered.
            #expect(tree.lead.with { $0.greatest } < 1_000)
            // Whole seconds on one side: the held side may have more.
            var held = collected.held
            for index in held.indices { held[index].entry.modified.nanoseconds = 5 }
            let second = try await collect(tree, in: path + "/out", held: held)
            #expect(second.outcome.counts["carried"] == 100_000)
        }
    }

    @Test(arguments: ["a//b", "/a", "a/../b", "..", ".", "a/.", "", "a\0b", "//", "./"])
    func `a key that no walk can give ends the unit`(_ key: String) async throws {
        try await withTemporaryDirectory { path in
            let tree = MemoryTree(count: 1) { number in
                var entry = MemoryTree.file(number)
                entry.entry.key = ByteString(key)
                return entry
            }
            let fault = await #expect(throws: Fault.self) { _ = try await collect(tree, in: path) }
            #expect(fault?.code == .damaged)
        }
    }

    @Test func `keys out of order, twice or too long end the unit`() async throws {
        try await withTemporaryDirectory { path in
            let twice = MemoryTree(count: 2) { _ in MemoryTree.file(0) }
            let back = MemoryTree(count: 2) { MemoryTree.file(1 - $0) }
            for tree in [twice, back] {
                let fault = await #expect(throws: Fault.self) { _ = try await collect(tree, in: path) }
                #expect(fault?.code == .damaged)
            }
            let long = MemoryTree(count: 1) { number in
                var entry = MemoryTree.file(number)
                entry.entry.key = ByteString(bytes: Array(repeating: UInt8(ascii: "x"), count: 300 << 10))
                return entry
            }
            let fault = await #expect(throws: Fault.self) { _ = try await collect(long, in: path) }
            #expect(fault?.code == .limit)
        }
    }

    @Test func `a fault of staging ends the unit and names the path`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            for number in 0..<2_000 { try build.file(ByteString("f\(number)"), text: "x") }
            // The directory is gone while files are written into it.
            let tree = try ChangingTree(
                path + "/tree",
                opening: { (key) throws(Fault) in
                    if key == "f1500" { try Directory.open(path + "/out").removeTree("host.partial") }
                })
            let fault = await #expect(throws: Fault.self) {
                _ = try await collect(tree, in: path + "/out", workers: 1)
            }
            #expect(fault?.code == .notFound)
            #expect(fault?.message.contains("/out/host.partial/f") == true)
        }
    }
}
