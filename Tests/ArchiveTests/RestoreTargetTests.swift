import Archive
import Codec
import Glibc
import Ledger
import Platform
import TestSupport
import Testing

struct RestoreTargetTests {
    @Test(
        arguments: [
            ("a", ["a"]), ("a/b/c", ["a", "b", "c"]), ("/etc/passwd", ["etc", "passwd"]), ("//a//b//", ["a", "b"]),
            ("./a/./b", ["a", "b"]), ("dir/", ["dir"]), ("", []), ("/", []), (".", []), ("./", []), ("...", ["..."]),
            ("a..b/..c", ["a..b", "..c"]), ("-rf", ["-rf"]), ("a\nb", ["a\nb"]),
        ] as [(ByteString, [ByteString])])
    func `a name is taken step by step`(name: ByteString, steps: [ByteString]) throws {
        #expect(try RestoreTarget.components(name) == steps)
    }

    @Test(arguments: ["..", "../a", "a/..", "a/../b", "/..", "./../a", "a\u{0}b", "a/b\u{0}/c"] as [ByteString])
    func `a name that leads outside is refused`(name: ByteString) {
        let failure = #expect(throws: Fault.self) { try RestoreTarget.components(name) }
        #expect(failure?.code == .damaged)
        #expect(failure?.message.contains("leads outside of the target directory, refused") == true)
    }

    private func entry(_ size: Int64 = 0, mode: UInt32 = 0o644, _ kind: EntryKind = .file, link: ByteString = "")
        -> Entry
    {
        Entry(
            key: "key", kind: kind, size: size, modified: StagedHost.moment, mode: mode, uid: 0, gid: 0, link: link)
    }

    /// Writes `pieces` as the content of `name`.
    private func write(
        _ target: RestoreTarget, _ name: ByteString, _ entry: Entry, _ pieces: [(Int64, [UInt8])],
        expected: Digest256? = nil
    ) throws {
        try target.writeFile(name, entry, expected: expected) {
            (piece: (UnsafeRawBufferPointer, Int64) throws(Fault) -> Void) throws(Fault) in
            for (offset, bytes) in pieces {
                var failure: Fault?
                bytes.withUnsafeBytes { do { try piece($0, offset) } catch { failure = .wrapping(error) } }
                if let failure { throw failure }
            }
        }
    }

    private func refusal(_ body: () throws -> Void) -> Fault? {
        do {
            try body()
            return nil
        } catch {
            return .wrapping(error)
        }
    }

    @Test func `pieces and the holes between them make the file`() throws {
        try withTemporaryDirectory { path in
            let root = try Directory.open(path)
            let target = RestoreTarget(root)
            let content = StagedHost.Content(size: 300_000, pieces: [4_096: [1, 2], 200_000: [3]])
            try write(
                target, "a/b", entry(300_000, mode: 0o4711), [(4_096, [1, 2]), (200_000, [3])], expected: content.sha256
            )
            let made = try root.directory("a")
            let status = try made.status("b")
            #expect(status.size == 300_000 && status.mode == 0o4711 && status.modified == StagedHost.moment)
            #expect(try SHA256Hasher.digest(of: FileSource(made.openFile("b"))) == content.sha256)
            #expect(target.restored == 1 && target.kept == 0 && target.bytes == 300_000)
            #expect(try made.names() == ["b"])
        }
    }

    @Test(
        arguments: [
            [(5, [1]), (3, [2])], [(0, [1, 2, 3]), (2, [4])], [(0, Array(repeating: 1, count: 11))], [(9, [1, 2])],
        ] as [[(Int64, [UInt8])]])
    func `content that goes backwards or beyond its size is refused, and nothing is left`(pieces: [(Int64, [UInt8])])
        throws
    {
        try withTemporaryDirectory { path in
            let root = try Directory.open(path)
            let failure = refusal { try write(RestoreTarget(root), "a", entry(10), pieces) }
            #expect(failure?.code == .damaged)
            #expect(try root.names() == [])
        }
    }

    @Test func `content with another digest is refused with both, and what was there stays`() throws {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            try tree.file("a", text: "old")
            let expected = SHA256Hasher.digest(of: [9])
            let failure = refusal {
                try write(
                    RestoreTarget(tree.root, overwrites: true), "a", entry(3), [(0, [1, 2, 3])], expected: expected)
            }
            let digest = SHA256Hasher.digest(of: [1, 2, 3])
            #expect(failure?.message == "'a': restored with SHA-256 \(digest), expected \(expected)")
            #expect(try tree.root.readFile("a") == Array("old".utf8))
            #expect(try tree.root.names() == ["a"])
        }
    }

    @Test func `directories get their modes and times last, the deepest first`() throws {
        try withTemporaryDirectory { path in
            let root = try Directory.open(path)
            let target = RestoreTarget(root)
            for name in ["a/", "a/b/", "a/b/c/"] as [ByteString] {
                try target.makeDirectory(name, entry(mode: 0o500, .directory))
            }
            try write(target, "a/b/c/file", entry(1), [(0, [1])])
            try target.makeSymlink("a/link", entry(.symlink, link: "b"))
            try target.makeHardLink("a/b/hard", to: "a/b/c/file")
            try target.finish()
            let tree = try FileTree(path)
            for name in ["a", "a/b", "a/b/c"] as [ByteString] {
                #expect(tree.entries[name]?.mode == 0o500)
                #expect(tree.entries[name]?.modified == StagedHost.moment)
            }
            #expect(tree.entries["a/link"]?.modified == StagedHost.moment)
            #expect(
                tree.entries["a/b/hard"]?.linkedTo == "a/b/c/file"
                    || tree.entries["a/b/c/file"]?.linkedTo == "a/b/c/file")
            #expect(target.restored == 6)
        }
    }

    @Test func `directories on the way are made as mkdir makes them, and are no entries`() throws {
        let old = umask(0o027)
        defer { umask(old) }
        try withTemporaryDirectory { path in
            let root = try Directory.open(path)
            let target = RestoreTarget(root)
            try write(target, "a/b/file", entry(1), [(0, [1])])
            #expect(target.restored == 1 && target.kept == 0)
            // One that comes as an entry later is made by this restore, and was not there.
            try target.makeDirectory("a/", entry(mode: 0o701, .directory))
            #expect(target.restored == 2 && target.kept == 0)
            // Another host brings it again.
            try target.makeDirectory("a/", entry(mode: 0o701, .directory))
            #expect(target.restored == 3 && target.kept == 0)
            try target.finish()
            let again = RestoreTarget(root)
            for _ in 1...2 { try again.makeDirectory("a/", entry(mode: 0o701, .directory)) }
            #expect(again.restored == 0 && again.kept == 2)
            try again.finish()
            let tree = try FileTree(path)
            #expect(tree.entries["a"]?.mode == 0o701 && tree.entries["a/b"]?.mode == 0o750)
        }
    }

    @Test func `a file where a directory should be keeps its mode and time`() throws {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            try tree.file("a", text: "mine", mode: 0o600, modified: Timestamp(seconds: 7))
            let target = RestoreTarget(tree.root)
            let failure = refusal { try target.makeDirectory("a/", entry(mode: 0o777, .directory)) }
            #expect(failure?.code == .exists)
            try target.finish()
            let status = try tree.root.status("a")
            #expect(status.mode == 0o600 && status.modified == Timestamp(seconds: 7))
        }
    }

    private func entry(_ kind: EntryKind, link: ByteString) -> Entry { entry(0, mode: 0o777, kind, link: link) }

    @Test func `a hard link to what is no file is refused`() throws {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            try tree.symlink("link", to: "/etc/hosts")
            try tree.directory("directory")
            let target = RestoreTarget(tree.root)
            for name in ["link", "directory"] as [ByteString] {
                let failure = refusal { try target.makeHardLink("new", to: name) }
                #expect(failure?.code == .damaged, "\(name)")
            }
            let missing = refusal { try target.makeHardLink("new", to: "missing") }
            #expect(missing?.code == .notFound)
            let outside = refusal { try target.makeHardLink("new", to: "../etc/hosts") }
            #expect(outside?.code == .damaged)
            #expect(try !tree.root.exists("new"))
        }
    }
}
