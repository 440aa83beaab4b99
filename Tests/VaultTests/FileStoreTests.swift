import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@testable import Vault

/// What is particular to a vault of files; the rest is ``ObjectStoreContract``.
struct FileStoreTests {
    private func withStore(_ body: (FileStore, _ path: String) throws -> Void) throws {
        try withTemporaryDirectory { path in try body(FileStore(try Directory.open(path)), path) }
    }

    private func paths(_ path: String) throws -> [String] { try FileTree(path).paths.map(\.description) }

    @Test func `its description is a URL`() throws {
        try withStore { store, path in #expect(store.description == "file://" + path) }
    }

    @Test func `the group can read whatever the umask is`() async throws {
        await #expect(processExitsWith: .success) {
            umask(0o077)
            try withTemporaryDirectory { path in
                try FileStore(try Directory.open(path)).put([1], to: "a/b/c")
                let tree = try FileTree(path)
                #expect(tree.entries["a"]?.mode == 0o750)
                #expect(tree.entries["a/b"]?.mode == 0o750)
                #expect(tree.entries["a/b/c"]?.mode == 0o640)
            }
        }
    }

    @Test func `a setgid directory hands its bit down`() throws {
        try withStore { store, path in
            try TreeBuilder(path).root.makeDirectory("a")
            try TreeBuilder(path).root.setMode("a", 0o2750)
            try store.put([1], to: "a/b/c")
            #expect(try FileTree(path).entries["a/b"]?.mode == 0o2750)
        }
    }

    @Test func `only the object is left`() throws {
        try withStore { store, path in
            try store.put(content(3_000_000), to: "a/b")
            #expect(try paths(path) == ["a", "a/b"])
            _ = try? store.put([1], to: "a/b")
            #expect(try paths(path) == ["a", "a/b"])
            let wrong = ExpectedContent(of: [2])
            _ = try? store.put(BytesSource([1]), expecting: wrong, to: try ObjectKey("a/c"), PutOptions())
            #expect(try paths(path) == ["a", "a/b"])
        }
    }

    @Test func `a copy that differs from what was written never appears`() throws {
        try withTemporaryDirectory { path in
            let store = FileStore(try Directory.open(path)) { temporary throws(Fault) in
                do { try flipBit(temporary, at: 1_234_567) } catch { throw .wrapping(error) }
            }
            let found = try expectFault(.damaged) { try store.put(content(3_000_000), to: "a/b") }
            #expect(found.message.contains("read back after writing: \(path)/a/.b.partial"))
            #expect(try paths(path) == ["a"])
        }
    }

    @Test func `until it is proved an object has no name`() throws {
        try withTemporaryDirectory { path in
            let store = FileStore(try Directory.open(path)) { temporary throws(Fault) in
                let reader = FileStore(try Directory.open(path))
                #expect(try reader.head(try ObjectKey("a/b")) == nil)
                do {
                    #expect(try reader.keys() == [])
                    // A second writer is sent away, and the removal of remains leaves the file alone.
                    try expectFault(.tryLater) { try reader.put([1], to: "a/b") }
                    try PendingObject.removeRemains(of: "b", in: try Directory.open(path + "/a"))
                } catch { throw .wrapping(error) }
                #expect(access(temporary, F_OK) == 0)
            }
            try store.put([1, 2], to: "a/b")
            #expect(try store.read("a/b") == [1, 2])
        }
    }

    // MARK: What a crash left

    @Test func `a writer that is killed leaves no object and doesn't hinder the next`() async throws {
        try await withTemporaryDirectory { path in
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
                let source = BytesSource(content(3_000_000)) { offset throws(Fault) in
                    if offset >= 2 << 20 { kill(getpid(), SIGKILL) }
                }
                let expected = ExpectedContent(of: content(3_000_000))
                let store = FileStore(try Directory.open(path))
                _ = try store.put(source, expecting: expected, to: try ObjectKey("a/b"), PutOptions())
            }
            try expectRemains(path)
        }
    }

    @Test func `a writer that is killed before its proof leaves no object`() async throws {
        try await withTemporaryDirectory { path in
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
                let store = FileStore(try Directory.open(path)) { _ in kill(getpid(), SIGKILL) }
                try store.put(content(3_000_000), to: "a/b")
            }
            try expectRemains(path)
        }
    }

    private func expectRemains(_ path: String) throws {
        #expect(try paths(path) == ["a", "a/.b.partial"])
        let store = FileStore(try Directory.open(path))
        #expect(try store.head(try ObjectKey("a/b")) == nil)
        #expect(try store.keys() == [])
        try store.put([1, 2, 3], to: "a/b")
        #expect(try store.read("a/b") == [1, 2, 3])
        #expect(try paths(path) == ["a", "a/b"])
    }

    @Test func `adopting removes what a crash left`() throws {
        try withStore { store, path in
            let tree = try TreeBuilder(path)
            try tree.file("a/b", [1, 2, 3])
            try tree.file("a/.b.partial", [1, 2])
            try tree.file("a/.c.partial", [1])
            try expectFault(.exists) { try store.put([1, 2, 3], to: "a/b") }
            #expect(try store.verify(try ObjectKey("a/b"), expecting: ExpectedContent(of: [1, 2, 3])) == .reread)
            #expect(try paths(path) == ["a", "a/.c.partial", "a/b"])
        }
    }

    @Test func `what crashes left in a directory goes, and a living writer's file stays`() throws {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            for name in ["log/.one.partial", "log/.two.partial", "log/three", "other/.four.partial"] {
                try tree.file(ByteString(name), [1])
            }
            let store = FileStore(try Directory.open(path)) { temporary throws(Fault) in
                try FileStore(try Directory.open(path)).removeRemains(below: "log/")
                #expect(access(temporary, F_OK) == 0)
            }
            try store.removeRemains(below: "none/")
            try store.put([1, 2], to: "log/five")
            #expect(try paths(path) == ["log", "log/five", "log/three", "other", "other/.four.partial"])
        }
    }

    /// Without RENAME_NOREPLACE an object gets its name by link(2), and a crash may leave it under both names.
    @Test func `an object that still has its temporary name too stays whole`() throws {
        try withStore { store, path in
            let tree = try TreeBuilder(path)
            try tree.file("a/b", [1, 2, 3])
            let a = try tree.root.directory("a")
            try a.makeHardLink(".b.partial", to: "b", in: a)
            try expectFault(.exists) { try store.put([4], to: "a/b") }
            #expect(try store.verify(try ObjectKey("a/b"), expecting: ExpectedContent(of: [1, 2, 3])) == .reread)
            #expect(try paths(path) == ["a", "a/b"])
            try a.makeHardLink(".c.partial", to: "b", in: a)
            try store.put([4], to: "a/c")
            #expect(try store.read("a/b") == [1, 2, 3])
            #expect(try store.read("a/c") == [4])
        }
    }

    @Test func `whatever has the temporary name is replaced, not followed`() throws {
        try withTemporaryDirectory { outside in
            try TreeBuilder(outside).file("victim", [7, 7, 7])
            try withStore { store, path in
                let root = try TreeBuilder(path).root
                try root.makeLink(".a.partial", to: ByteString(outside + "/victim"))
                try store.put([1], to: "a")
                #expect(mkfifo(path + "/.b.partial", 0o600) == 0)
                try store.put([2], to: "b")
                #expect(try paths(path) == ["a", "b"])
                #expect(try FileStore(try Directory.open(outside)).read("victim") == [7, 7, 7])
            }
        }
    }

    @Test func `long names have short temporary names of their own`() throws {
        let one = ByteString(String(repeating: "n", count: 254) + "1")
        let two = ByteString(String(repeating: "n", count: 254) + "2")
        let umlauts = ByteString(String(repeating: "ü", count: 127))
        for name in [one, two, umlauts] {
            let temporary = PendingObject.temporaryName(for: name)
            #expect(temporary.count <= 255)
            #expect(temporary.hasPrefix("."))
            #expect(String(validating: temporary.bytes, as: UTF8.self) != nil)
        }
        #expect(PendingObject.temporaryName(for: one) != PendingObject.temporaryName(for: two))
        #expect(PendingObject.temporaryName(for: "b.tar.gz") == PendingFile.temporaryName(for: "b.tar.gz"))
    }

    // MARK: What others put there

    @Test func `links are not followed`() throws {
        try withTemporaryDirectory { outside in
            try TreeBuilder(outside).file("x", [9])
            try withStore { store, path in
                let root = try TreeBuilder(path).root
                try root.makeLink("a", to: ByteString(outside))
                try root.makeLink("f", to: ByteString(outside + "/x"))
                let below = try ObjectKey("a/x")
                let operations: [() throws -> Void] = [
                    { try store.put([1], to: "a/new") }, { try store.put([1], to: "a/b/new") },
                    { _ = try store.head(below) }, { _ = try store.open(below) },
                    { _ = try store.verify(below, expecting: ExpectedContent(of: [9])) },
                    { _ = try store.keys("a/") },
                ]
                for operation in operations {
                    let found = try expectFault(.unsupported) { try operation() }
                    #expect(found.message == "\(path)/a: is a symbolic link, and none is followed in a vault")
                }
                try expectFault(.unsupported) { try store.head(try ObjectKey("f")) }
                try expectFault(.unsupported) { try store.open(try ObjectKey("f")) }
                try expectFault(.exists) { try store.put([1], to: "f") }
                #expect(try store.keys() == [])
                #expect(try paths(outside) == ["x"])
            }
        }
    }

    @Test func `an object and a directory can't share a name`() throws {
        try withStore { store, path in
            try store.put([1], to: "a/b")
            try expectFault(.exists) { try store.put([1], to: "a") }
            let found = try expectFault(.exists) { try store.put([1], to: "a/b/c") }
            #expect(found.message == "\(path)/a/b: is an object, so no other can lie below it")
        }
    }

    @Test func `the listing leaves out what is no object`() throws {
        try withStore { store, path in
            let tree = try TreeBuilder(path)
            try tree.file(MountGuard.name, [1])
            try tree.file(".b.partial", [1])
            try tree.file("a/.b.partial", [1])
            try tree.file("a/.hidden/x", [1])
            try tree.file("lost+found/x", [1])
            try tree.file("a/lost+found", [1])
            try tree.file(ByteString(bytes: [0x61, 0x2F, 0xFF]), [1])
            #expect(mkfifo(path + "/a/fifo", 0o600) == 0)
            try store.put([1], to: "a/b")
            #expect(try store.keys() == ["a/b", "a/lost+found"])
            try expectFault(.unsupported) { try store.put([1], to: "lost+found/a") }
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root reads everything"))
    func `a directory that can't be read fails the listing`() throws {
        try withStore { store, path in
            try store.put([1], to: "a/b/c")
            try store.put([1], to: "a/d")
            try Directory.open(path + "/a").setMode("b", 0)
            try expectFault(.permission) { try store.keys() }
        }
    }

    // MARK: Refusals of the system

    @Test func `a write that fails leaves nothing`() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            try withTemporaryDirectory { path in
                let store = FileStore(try Directory.open(path))
                var limit = rlimit(rlim_cur: 1_500_000, rlim_max: rlim_t.max)
                setrlimit(__rlimit_resource_t(1), &limit)  // RLIMIT_FSIZE
                let found = try expectFault(.io) { try store.put(content(3_000_000), to: "a/b") }
                #expect(found.message.contains("\(path)/a/.b.partial: file too large"))
                #expect(try FileTree(path).paths == ["a"])
            }
        }
    }
}
