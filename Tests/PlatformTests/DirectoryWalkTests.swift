import Glibc
import Platform
import TestSupport
import Testing

struct DirectoryWalkTests {
    /// All steps as text: the path, or the path and the code of its fault.
    static func steps(_ path: String, limits: DirectoryWalk.Limits = .init()) throws -> [String] {
        var walk = try DirectoryWalk(try Directory.open(path), limits: limits)
        var steps: [String] = []
        while let step = try walk.next() {
            switch step.status {
            case .success: steps.append("\(step.path)")
            case .failure(let fault): steps.append("\(step.path) \(fault.code)")
            }
        }
        return steps
    }

    /// The order by brute force: all paths, a slash behind directories, sorted by their bytes.
    private func sortedPaths(_ path: String) throws -> [ByteString] {
        try FileTree(path).entries.map { path, entry in entry.kind == .directory ? path + "/" : path }.sorted()
    }

    private func walkedPaths(_ path: String) throws -> [ByteString] {
        var walk = try DirectoryWalk(try Directory.open(path))
        var paths: [ByteString] = []
        while let step = try walk.next() {
            let status = try step.status.get()
            #expect((status.kind == .directory) == step.path.hasSuffix(UInt8(ascii: "/")))
            #expect(try step.parent.status(step.name).inode == status.inode)
            #expect(step.path.components.last == step.name)
            paths.append(step.path)
        }
        return paths
    }

    @Test(arguments: UInt64(1)...12)
    func `the order is that of the path bytes in any tree`(seed: UInt64) throws {
        try withTemporaryDirectory { path in
            var random = SplitMix64(seed: seed)
            let builder = try TreeBuilder(path)
            // Bytes on both sides of the slash and names that are prefixes of each other.
            let letters: [UInt8] = [0x01, 0x21, 0x2D, 0x2E, 0x30, 0x61, 0x62, 0xC3, 0xFF]
            var directories: [ByteString] = [""]
            for _ in 0..<150 {
                let name = ByteString(
                    (0..<Int.random(in: 1...3, using: &random)).map { _ in letters.randomElement(using: &random) ?? 0x61
                    })
                if name == "." || name == ".." { continue }
                let path = (directories.randomElement(using: &random) ?? "") + name
                let parts = path.components
                if (try? builder.root.descend(Array(parts.dropLast())).exists(name)) ?? true { continue }
                switch Int.random(in: 0..<5, using: &random) {
                case 0, 1:
                    try builder.directory(path)
                    directories.append(path + "/")
                case 2: try builder.symlink(path, to: ".")
                default: try builder.file(path)
                }
            }
            let walked = try walkedPaths(path)
            #expect(walked == (try sortedPaths(path)))
            #expect(walked.count > 60)
        }
    }

    @Test func `a directory comes between its neighbours as its slash demands`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            for name in ["a-b", "a/b", "a0", "a/b-c", "a.b"] as [ByteString] { try builder.file(name) }
            #expect(try DirectoryWalkTests.steps(path) == ["a-b", "a.b", "a/", "a/b", "a/b-c", "a0"])
        }
    }

    @Test func `an empty directory and an empty top`() throws {
        try withTemporaryDirectory { path in
            #expect(try DirectoryWalkTests.steps(path) == [])
            try TreeBuilder(path).directory("d/e")
            #expect(try DirectoryWalkTests.steps(path) == ["d/", "d/e/"])
        }
    }

    @Test func `names of 255 bytes and many names`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            for byte in UInt8(1)...255 where byte != 0x2F && byte != 0x2E {
                try builder.file(ByteString(bytes: [byte] + [UInt8](repeating: 0xFE, count: 254)))
            }
            for number in 0..<3_000 { try builder.file(ByteString("many/\(number)")) }
            #expect(try walkedPaths(path) == (try sortedPaths(path)))
        }
    }

    @Test func `a directory that is passed over is not entered`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            for name in ["a/x", "b/y", "c"] as [ByteString] { try builder.file(name) }
            var walk = try DirectoryWalk(builder.root)
            var paths: [ByteString] = []
            while let step = try walk.next() {
                paths.append(step.path)
                if step.path == "a/" || step.path == "c" { walk.passOver() }
            }
            #expect(paths == ["a/", "b/", "b/y", "c"])
        }
    }

    @Test func `links are steps and never a way`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            try builder.symlink("a", to: ".")
            try builder.symlink("b/up", to: "..")
            try builder.symlink("c", to: "c")
            try builder.symlink("d", to: "/etc")
            try builder.fifo("e")
            #expect(try DirectoryWalkTests.steps(path) == ["a", "b/", "b/up", "c", "d", "e"])
        }
    }

    @Test(arguments: [(3, 100, true), (4, 100, false), (100, 7, true), (100, 8, false)])
    func `a limit stops the walk with a fault`(depth: Int, entries: Int, stops: Bool) throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            try builder.directory("1/2/3")  // four levels with the top, three entries
            for name in ["a", "b", "c", "d", "e"] as [ByteString] { try builder.file(name) }
            var limits = DirectoryWalk.Limits()
            limits.depth = depth
            limits.entries = entries
            if stops {
                let fault = #expect(throws: Fault.self) { try DirectoryWalkTests.steps(path, limits: limits) }
                #expect(fault?.code == .limit)
            } else {
                #expect(try DirectoryWalkTests.steps(path, limits: limits).count == 8)
            }
        }
    }

    @Test func `what vanishes or changes its kind during the walk is a failed step`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            for name in ["a", "b", "c/x", "d/y", "e"] as [ByteString] { try builder.file(name) }
            var walk = try DirectoryWalk(builder.root)
            #expect(try walk.next()?.path == "a")
            try builder.root.remove("b")
            try builder.root.removeTree("c")
            try builder.file("c", text: "a file now")
            let vanished = try #require(try walk.next())
            #expect(vanished.path == "b")
            #expect(throws: Fault.self) { try vanished.status.get() }
            let changed = try #require(try walk.next())
            #expect(changed.path == "c/")
            #expect(#expect(throws: Fault.self) { try changed.status.get() }?.code == .changed)
            #expect(try walk.next()?.path == "d/")
            // Between the step and the way into it, a link takes the place of the directory.
            try builder.root.removeTree("d")
            try builder.symlink("d", to: "/etc")
            let swapped = try #require(try walk.next())
            #expect(swapped.path == "d/")
            #expect(throws: Fault.self) { try swapped.status.get() }
            #expect(try walk.next()?.path == "e")
            #expect(try walk.next() == nil)
        }
    }

    // Root reads everything, so this runs as somebody else, in a process of its own.
    @Test(.timeLimit(.minutes(10))) func `a directory that can't be read is a failed step and the walk goes on`() async
    {
        await #expect(processExitsWith: .success) {
            if getuid() == 0 { #expect(setgid(65_534) == 0 && setuid(65_534) == 0) }
            try withTemporaryDirectory(in: "/tmp") { path in
                let builder = try TreeBuilder(path)
                for name in ["a/x", "b/y", "c/z"] as [ByteString] { try builder.file(name) }
                try builder.root.setMode("b", 0)
                #expect(try DirectoryWalkTests.steps(path) == ["a/", "a/x", "b/", "b/ permission", "c/", "c/z"])
                // Readable, but not to be entered: its names would be of no use.
                try builder.root.setMode("b", 0o400)
                #expect(try DirectoryWalkTests.steps(path) == ["a/", "a/x", "b/", "b/ permission", "c/", "c/z"])
            }
        }
    }

    // A walk holds one descriptor a level, which is why a program raises its limit first, as this process does.
    @Test(.timeLimit(.minutes(10))) func `paths far beyond 4096 bytes are walked`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let depth = min(3_000, Int(min(limit.rlim_cur, 100_000)) - 100)
            try withTemporaryDirectory { path in
                var here = try Directory.open(path)
                let name = ByteString(bytes: [UInt8](repeating: 0x64, count: 100))
                for _ in 0..<depth {
                    try here.makeDirectory(name)
                    here = try here.directory(name)
                }
                try here.createFile("bottom").close()
                var walk = try DirectoryWalk(try Directory.open(path))
                var last: DirectoryWalk.Step?
                var count = 0
                while let step = try walk.next() {
                    last = step
                    count += 1
                }
                #expect(count == depth + 1)
                #expect(last?.path.count == depth * 101 + 6)
                #expect(try last?.status.get().kind == .file)
            }
        }
    }
}
