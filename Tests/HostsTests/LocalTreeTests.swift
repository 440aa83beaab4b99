import Glibc
import Hosts
import Ledger
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct LocalTreeTests {
    private func entries(_ tree: LocalTree) throws -> [TreeEntry] {
        let next = try tree.inventory()
        var entries: [TreeEntry] = []
        while let entry = try next() { entries.append(entry) }
        return entries
    }

    @Test func `a missing directory is a fault with advice`() throws {
        let fault = #expect(throws: Fault.self) { _ = try LocalTree("/nowhere/20261120") }
        #expect(fault?.code == .notFound)
        #expect(fault?.message.contains("/nowhere/20261120") == true)
        #expect(fault?.hint != nil)
    }

    @Test func `entries come in byte order with their metadata`() throws {
        try withTemporaryDirectory { path in
            let build = try TreeBuilder(path)
            let moment = Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789)
            try build.file("a/b", Array("content".utf8), mode: 0o4755, modified: moment)
            try build.file("a-b", mode: 0o400)
            try build.file("a.b")
            try build.symlink("a0", to: "../\u{1}target")
            try build.directory("empty", mode: 0o1777)
            let found = try entries(LocalTree(path))
            #expect(found.map(\.entry.key) == ["a-b", "a.b", "a/", "a/b", "a0", "empty/"])
            let file = found[3].entry
            #expect(file.kind == .file && file.size == 7 && file.mode == 0o4755 && file.modified == moment)
            #expect(file.uid == getuid() && found[3].links == 1 && found[3].identity != nil)
            #expect(found[4].entry.kind == .symlink && found[4].entry.link == "../\u{1}target")
            #expect(found[4].entry.size == 0)
            #expect(found[5].entry.kind == .directory && found[5].entry.mode == 0o1777 && found[5].entry.size == 0)
        }
    }

    @Test func `further names of a file refer to the first`() throws {
        try withTemporaryDirectory { path in
            let build = try TreeBuilder(path)
            try build.file("x/first", Array("same".utf8))
            try build.hardLink("x/second", to: "x/first")
            try build.hardLink("y/third", to: "x/first")
            try build.file("z", Array("other".utf8))
            let found = try entries(LocalTree(path))
            #expect(found.map(\.entry.kind) == [.directory, .file, .hardLink, .directory, .hardLink, .file])
            #expect(found[1].links == 3)
            #expect(found[2].entry.link == "x/first" && found[2].entry.size == 4)
            #expect(found[4].entry.link == "x/first")
        }
    }

    @Test func `what is not of the tree is left out, at the top only`() throws {
        try withTemporaryDirectory { path in
            let build = try TreeBuilder(path)
            try build.file("lost+found/x")
            try build.file(".coldchain-guard")
            try build.file("_READY")
            try build.file("sub/lost+found/x")
            try build.file("sub/.coldchain-guard")
            try build.file("sub/_READY")
            let found = try entries(LocalTree(path, ignoring: ["_READY"]))
            let kept: [ByteString] = [
                "sub/", "sub/.coldchain-guard", "sub/_READY", "sub/lost+found/", "sub/lost+found/x",
            ]
            #expect(found.map(\.entry.key) == kept)
        }
    }

    @Test func `a file called lost+found is a file`() throws {
        try withTemporaryDirectory { path in
            try TreeBuilder(path).file("lost+found")
            #expect(try entries(LocalTree(path)).map(\.entry.key) == ["lost+found"])
        }
    }

    @Test func `a directory that became a link is not entered and keeps the order`() async throws {
        try await withTemporaryDirectory { path in
            let build = try TreeBuilder(path + "/tree")
            try build.file("a")
            try build.file("b/inside")
            try build.file("b-side")
            try build.file("c")
            let tree = try ChangingTree(
                path + "/tree",
                found: { (key) throws(Fault) in
                    guard key == "a" else { return }
                    try build.root.rename("b", to: "gone", in: try Directory.open(path))
                    try build.root.makeLink("b", to: "/etc")
                })
            let collected = try await collect(tree, in: path + "/out")
            #expect(collected.rows.map(\.entry.key) == ["a", "b-side", "b/", "c"])
            let row = try collected.row("b/")
            #expect(row.action == .skip && row.reason == "changed" && row.manifest.flags == .skipped)
            #expect(collected.outcome.warningCount == 1)
            #expect(collected.outcome.warnings.first?.contains("tree/b") == true)
        }
    }
}
