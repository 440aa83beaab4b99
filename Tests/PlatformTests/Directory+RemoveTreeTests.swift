import Glibc
import Platform
import TestSupport
import Testing

struct DirectoryRemoveTreeTests {
    @Test func `everything below goes and nothing beside`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            try builder.file("keep/a", text: "kept")
            try builder.file("tree/a")
            try builder.file("tree/b/c/d")
            try builder.file(ByteString(bytes: Array("tree/b/".utf8) + [0xFF, 0x0A]))
            try builder.fifo("tree/b/fifo")
            try builder.socket("tree/b/socket")
            try builder.symlink("tree/b/link", to: "../../keep")
            try builder.hardLink("tree/b/hard", to: "keep/a")
            try builder.directory("tree/empty")
            try builder.root.removeTree("tree")
            #expect(try FileTree(path).paths == ["keep", "keep/a"])
            #expect(try builder.root.directory("keep").readFile("a") == Array("kept".utf8))
            try builder.root.removeTree("keep")
            #expect(try builder.root.names() == [])
        }
    }

    @Test func `a single file is removed, too`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            try builder.file("f")
            try builder.root.removeTree("f")
            #expect(try builder.root.names() == [])
        }
    }

    // The limit of open files belongs to the whole process. No raised limit is needed: one descriptor is open at a time.
    @Test(.timeLimit(.minutes(10))) func `five thousand levels go with forty descriptors`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 40
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            try withTemporaryDirectory { path in
                let top = try Directory.open(path)
                let long = ByteString(bytes: [UInt8](repeating: 0x64, count: 200))
                var here = top
                for level in 0..<5_000 {
                    let name: ByteString = level == 0 ? "tree" : long
                    try here.makeDirectory(name)
                    if level % 100 == 99 { try here.createFile("f").close() }
                    here = try here.directory(name)
                }
                #expect(here.path.utf8.count > 1_000_000)
                try top.removeTree("tree")
                #expect(try top.names() == [])
            }
        }
    }

    /// Whether the account and the file system of temporary directories allow immutable files.
    static func canMakeImmutable() async throws -> Bool {
        try await withTemporaryDirectory { path in
            try TreeBuilder(path).file("f")
            let result = try await run(["sh", "-c", "chattr +i f && chattr -i f"], directory: path)
            return result.status == 0
        }
    }

    @Test(.enabled("needs chattr(1), its right and a file system that has it") { try await canMakeImmutable() })
    func `what can't be removed is named and the rest stays`() async throws {
        try await withTemporaryDirectory { path in
            try TreeBuilder(path).file("tree/a/file")
            #expect(try await run(["chattr", "+i", path + "/tree/a/file"]).status == 0)
            let fault = #expect(throws: Fault.self) { try Directory.open(path).removeTree("tree") }
            #expect(fault?.message == "remove \(path)/tree/a/file: operation not permitted")
            #expect(fault?.code == .permission)
            _ = try await run(["chattr", "-i", path + "/tree/a/file"])
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a tree that is moved about while it goes leads nowhere else`() async throws {
        try await withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            try builder.file("precious/file", text: "stays")
            try builder.directory("elsewhere")
            for number in 0..<300 { try builder.file(ByteString("tree/d\(number)/e/f/file")) }
            let isDone = Counter()
            try await onOwnThread {
                let crew = ThreadCrew()
                try crew.start("mover") {
                    let root = try Directory.open(path)
                    let elsewhere = try root.directory("elsewhere")
                    for number in 0..<300 where isDone.value == 0 {
                        guard let tree = try? root.directory("tree") else { continue }
                        let name = ByteString("d\(number)")
                        guard let below = try? tree.directory(name) else { continue }
                        try? below.rename("e", to: name, in: elsewhere)
                    }
                }
                try crew.start("remover") {
                    let root = try Directory.open(path)
                    // A move stops it with a fault; a rerun goes on.
                    for _ in 0..<1_000 where (try? root.removeTree("tree")) == nil {}
                    isDone.add(1)
                }
                try crew.join()
            }
            #expect(try builder.root.directory("precious").readFile("file") == Array("stays".utf8))
            #expect(try !builder.root.exists("tree"))
            #expect(try builder.root.exists("elsewhere"))
        }
    }
}
