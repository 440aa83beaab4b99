import Glibc
import Platform
import TestSupport
import Testing

struct DirectoryTests {
    /// A directory with links planted by an attacker: to a file and a directory outside of it.
    private func withPlantedLinks(_ body: (_ inside: Directory, _ outside: String) throws -> Void) throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            try builder.file("outside/secret", text: "secret", mode: 0o640, modified: Timestamp(seconds: 1_000))
            try builder.directory("outside/sub", mode: 0o750, modified: Timestamp(seconds: 1_000))
            try builder.directory("inside")
            let inside = try Directory.open(path + "/inside")
            try inside.makeLink("file", to: "../outside/secret")
            try inside.makeLink("dir", to: "../outside")
            try inside.makeLink("dangling", to: "../outside/new")
            try inside.makeLink("loop", to: "loop")
            let before = try FileTree(path + "/outside")
            try body(inside, path + "/outside")
            #expect(before.differences(to: try FileTree(path + "/outside")) == [])
        }
    }

    @Test(arguments: ["file", "dangling", "loop", "dir"] as [ByteString])
    func `no way to open a file follows a link`(name: ByteString) throws {
        try withPlantedLinks { inside, _ in
            #expect(throws: Fault.self) { try inside.openFile(name) }
            #expect(throws: Fault.self) { try inside.readFile(name) }
            #expect(throws: Fault.self) { try inside.createFile(name) }
            #expect(throws: Fault.self) { try inside.createNewFile(name) }
            #expect(throws: Fault.self) { try inside.appendFile(name) }
        }
    }

    @Test(arguments: ["file", "dangling", "loop", "dir"] as [ByteString])
    func `no way to open a directory follows a link`(name: ByteString) throws {
        try withPlantedLinks { inside, _ in
            #expect(throws: Fault.self) { try inside.directory(name) }
            #expect(throws: Fault.self) { try inside.descend([name, "sub"]) }
            #expect(throws: Fault.self) { try inside.descendCreating([name]) }
            #expect(throws: Fault.self) { try inside.descendCreating([name, "made"]) }
        }
    }

    @Test(arguments: ["file", "dir"] as [ByteString])
    func `times, modes and owners are set on the link or on nothing`(name: ByteString) throws {
        try withPlantedLinks { inside, _ in
            try inside.setModified(name, Timestamp(seconds: 5, nanoseconds: 6))
            #expect(try inside.status(name).modified == Timestamp(seconds: 5, nanoseconds: 6))
            #expect(throws: Fault.self) { try inside.setMode(name, 0o777) }
            try? inside.setOwner(name, uid: 65_534, gid: 65_534)
        }
    }

    @Test func `removal and hard links take the link itself`() throws {
        try withPlantedLinks { inside, _ in
            #expect(try inside.status("file").kind == .symlink)
            #expect(try inside.readLink("dir") == "../outside")
            try inside.makeHardLink("second", to: "file", in: inside)
            #expect(try inside.status("second").kind == .symlink)
            try inside.removeTree("dir")
            try inside.makeDirectory("tree")
            try inside.directory("tree").makeLink("up", to: "../../outside")
            try inside.removeTree("tree")
            #expect(try inside.names().sorted() == ["dangling", "file", "loop", "second"])
            try inside.rename("file", to: "renamed")
            #expect(try inside.status("renamed").kind == .symlink)
        }
    }

    @Test func `a link that leads nowhere exists`() throws {
        try withPlantedLinks { (inside, _) throws in
            #expect(try inside.exists("dangling"))
            #expect(try !inside.exists("nothing"))
            #expect(throws: Fault.self) { try inside.renameExclusively("file", to: "dangling") }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a FIFO that took a file's place does not hang`() async throws {
        try await withTemporaryDirectory { path in
            try TreeBuilder(path).fifo("pipe")
            let status = try await onOwnThread { try Directory.open(path).openFile("pipe").status() }
            #expect(status.kind == .fifo)
        }
    }

    @Test func `create makes what is missing and follows what an administrator linked`() throws {
        try withTemporaryDirectory { path in
            try TreeBuilder(path).directory("real")
            try TreeBuilder(path).symlink("link", to: "real")
            let made = try Directory.create(path + "/link/./a//b/../c/")
            #expect(try FileTree(path).paths == ["link", "real", "real/a", "real/a/b", "real/a/c"])
            #expect(try made.status().mode == 0o700)
            #expect(fcntl(made.descriptor, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
            #expect(try Directory.create(path + "/link/a/c").status().inode == made.status().inode)
            #expect(made.path == path + "/link/./a//b/../c/")
        }
    }

    @Test func `create tells where a file stands in the way`() throws {
        try withTemporaryDirectory { path in
            try TreeBuilder(path).file("a")
            let fault = #expect(throws: Fault.self) { try Directory.create(path + "/a/b") }
            #expect(fault?.message == "open \(path)/a: not a directory")
        }
    }

    @Test func `paths in messages are whole and readable`() throws {
        try withTemporaryDirectory { path in
            let top = try Directory.open(path)
            let deep = try top.descendCreating(["a", ByteString(bytes: [0xFF]), "c"])
            #expect(deep.path == path + "/a/\\xFF/c")
            #expect(deep.path(of: "x\n") == path + "/a/\\xFF/c/x\\x0A")
            #expect(try Directory.open("/").path(of: "etc") == "/etc")
            #expect(try Directory.open("/").directory("etc").path == "/etc")
            let fault = #expect(throws: Fault.self) { try deep.openFile("none") }
            #expect(fault?.message == "open \(path)/a/\\xFF/c/none: no such file or directory")
        }
    }

    @Test func `descriptors stay in this process`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let files = [try directory.createFile("a"), try directory.appendFile("b"), try directory.unnamedFile()]
            let below = try directory.descendCreating(["sub"])
            for descriptor in files.map(\.descriptor) + [directory.descriptor, below.descriptor] {
                #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
            }
        }
    }

    @Test func `a small file is read whole and a large one refused`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            try TreeBuilder(directory).file("f", text: "0123456789")
            #expect(try directory.readFile("f", limit: 10) == Array("0123456789".utf8))
            #expect(#expect(throws: Fault.self) { try directory.readFile("f", limit: 9) }?.code == .limit)
            #expect(#expect(throws: Fault.self) { try directory.readFile("none") }?.code == .notFound)
            #expect(throws: Fault.self) { try directory.readFile(".") }
        }
    }

    @Test func `an exclusive rename leaves a taken name alone`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let builder = TreeBuilder(directory)
            try builder.file("new", text: "new")
            try builder.file("old", text: "old")
            #expect(#expect(throws: Fault.self) { try directory.renameExclusively("new", to: "old") }?.code == .exists)
            #expect(try directory.readFile("old") == Array("old".utf8))
            try directory.renameExclusively("new", to: "free")
            #expect(try directory.names().sorted() == ["free", "old"])
            try directory.rename("free", to: "old")
            #expect(try directory.readFile("old") == Array("new".utf8))
        }
    }

    @Test func `an unnamed file leaves no name`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let file = try directory.unnamedFile()
            try file.write([1, 2, 3])
            #expect(try file.status().links == 0)
            #expect(try directory.names() == [])
        }
    }

    @Test func `removal of what is missing is a fault unless it may be missing`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            #expect(#expect(throws: Fault.self) { try directory.remove("x") }?.code == .notFound)
            try directory.removeIfPresent("x")
            try directory.removeTree("x")
            try TreeBuilder(directory).file("d/f")
            #expect(#expect(throws: Fault.self) { try directory.removeDirectory("d") }?.code == .exists)
        }
    }

    @Test func `a long link target is read whole`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            for length in [1, 255, 256, 257, 1_024, 4_000] {
                let target = ByteString(bytes: [UInt8](repeating: 0xFE, count: length))
                try directory.makeLink("l\(length)".asBytes, to: target)
                #expect(try directory.readLink("l\(length)".asBytes) == target)
            }
        }
    }

    @Test func `every kind and attribute is told as it is`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            let moment = Timestamp(seconds: 1_234_567_890, nanoseconds: 123_456_789)
            try builder.file("f", text: "12345", mode: 0o4751, modified: moment)
            try builder.hardLink("g", to: "f")
            try builder.directory("d", mode: 0o1777, modified: Timestamp(seconds: -5, nanoseconds: 7))
            try builder.symlink("l", to: "f")
            try builder.fifo("p")
            try builder.socket("s")
            let directory = builder.root
            let file = try directory.status("f")
            #expect(file.kind == .file && file.size == 5 && file.mode == 0o4751 && file.links == 2)
            #expect(file.modified == moment && file.uid == getuid())
            #expect(try directory.status("g").inode == file.inode)
            #expect(try directory.status("d").modified == Timestamp(seconds: -5, nanoseconds: 7))
            #expect(try directory.status("d").mode == 0o1777)
            let kinds = try ["d", "l", "p", "s"].map { try directory.status($0).kind }
            #expect(kinds == [.directory, .symlink, .fifo, .socket])
            #expect(try Directory.open("/dev").status("null").kind == .character)
        }
    }

    @Test func `the file system is told`() throws {
        let memory = try Directory.open("/dev/shm").fileSystem()
        #expect(memory.type == 0x0102_1994)
        #expect(memory.identity == 0)
        #expect(memory.size > 0 && memory.free >= 0 && memory.free <= memory.size)
        let root = try Directory.open("/")
        try root.sync()
    }
}

extension String {
    fileprivate var asBytes: ByteString { ByteString(self) }
}
