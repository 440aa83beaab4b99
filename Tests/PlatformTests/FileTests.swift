import Glibc
import Platform
import TestSupport
import Testing

struct FileTests {
    @Test func `reads at an offset are whole and end at the end`() throws {
        try withTemporaryDirectory { path in
            var random = SplitMix64(seed: 7)
            let content = random.bytes(300_000)
            let directory = try Directory.open(path)
            let file = try directory.createNewFile("f")
            try file.write(content)
            var buffer = [UInt8](repeating: 0, count: 400_000)
            #expect(try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 0) } == 300_000)
            #expect(buffer.prefix(300_000).elementsEqual(content))
            #expect(try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 299_990) } == 10)
            #expect(try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 300_000) } == 0)
            try file.seek(to: 299_999)
            #expect(try buffer.withUnsafeMutableBytes { try file.read(into: $0) } == 1)
            #expect(buffer[0] == content[299_999])
        }
    }

    @Test func `a pipe's short counts make whole writes`() async throws {
        try await withTemporaryDirectory { path in
            try TreeBuilder(path).fifo("pipe")
            var random = SplitMix64(seed: 8)
            let content = random.bytes(1 << 20)
            async let received = run(["cat", path + "/pipe"], timeout: 20)
            try await onOwnThread {
                let file = try Directory.open(path).appendFile("pipe")
                try file.write(content)
                try file.close()
            }
            #expect(try await received.stdout == content)
        }
    }

    @Test func `a full disk is told with advice`() throws {
        let full = try Directory.open("/dev").appendFile("full")
        let fault = #expect(throws: Fault.self) { try full.write([1, 2, 3]) }
        #expect(fault?.code == .noSpace)
        #expect(fault?.message == "write /dev/full: no space left on device")
        #expect(fault?.hint != nil)
    }

    @Test func `a closed file can be closed again but not used`() throws {
        try withTemporaryDirectory { path in
            let file = try Directory.open(path).createFile("f")
            try file.close()
            try file.close()
            #expect(throws: Fault.self) { try file.write([1]) }
            #expect(throws: Fault.self) { try file.sync() }
            #expect(throws: Fault.self) { try file.status() }
        }
    }

    @Test func `a missing file is named`() {
        let fault = #expect(throws: Fault.self) { try File.open("/nowhere/at/all") }
        #expect(fault?.code == .notFound)
        #expect(fault?.message == "open /nowhere/at/all: no such file or directory")
    }

    @Test(
        arguments: [
            (size: 8 << 20, pieces: [1 << 20, 5 << 20]),
            (size: 8 << 20, pieces: [0]),
            (size: 8 << 20, pieces: [(8 << 20) - 4_096]),
            (size: 8 << 20, pieces: []),
            (size: 0, pieces: []),
        ] as [(size: Int64, pieces: [Int64])])
    func `the ranges of a sparse file hold its data and little else`(size: Int64, pieces: [Int64]) throws {
        try withTemporaryDirectory { path in
            let data = [UInt8](repeating: 0xAA, count: 4_096)
            let contents = Dictionary(uniqueKeysWithValues: pieces.map { ($0, data) })
            try TreeBuilder(path).sparseFile("s", size: size, contents)
            let file = try Directory.open(path).openFile("s")
            try file.seek(to: 17)
            let ranges = try file.dataRanges(size: size)
            for piece in pieces { #expect(ranges.contains { $0.contains(piece) && $0.contains(piece + 4_095) }) }
            #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
            #expect(ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= size && !$0.isEmpty })
            // File systems allocate by blocks of their own size, but not by megabytes.
            #expect(ranges.reduce(0) { $0 + $1.upperBound - $1.lowerBound } <= Int64(pieces.count) * (1 << 18))
            #expect(lseek(file.descriptor, 0, SEEK_CUR) == 17)
        }
    }

    @Test func `ranges end where the caller says the file ends`() throws {
        try withTemporaryDirectory { path in
            try TreeBuilder(path).file("f", [UInt8](repeating: 1, count: 100_000))
            let file = try Directory.open(path).openFile("f")
            #expect(try file.dataRanges(size: 50_000) == [0..<50_000])
            #expect(try file.dataRanges(size: 100_000) == [0..<100_000])
        }
    }

    @Test func `truncate extends with a hole`() throws {
        try withTemporaryDirectory { path in
            let file = try Directory.open(path).createFile("f")
            try file.write([1, 2, 3])
            try file.truncate(to: 1 << 30)
            let status = try file.status()
            #expect(status.size == 1 << 30)
            #expect(status.allocated < 1 << 20)
            #expect(status.kind == .file)
        }
    }

    static let temporaryIsExt: Bool = {
        guard let directory = try? TemporaryDirectory(), let open = try? Directory.open(directory.path)
        else { return false }
        return (try? open.fileSystem().type) == 0xEF53
    }()

    @Test(.enabled(if: FileTests.temporaryIsExt, "the temporary directory is not on ext4"))
    func `a file system without clones says so and changes nothing`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let source = try directory.createFile("a")
            try source.write(Array("source".utf8))
            let target = try directory.createFile("b")
            try target.write(Array("target".utf8))
            #expect(!target.clone(from: source))
            #expect(try directory.readFile("b") == Array("target".utf8))
        }
    }

    @Test func `advice to the kernel leaves the content alone`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let file = try directory.createFile("f")
            try file.write(Array("content".utf8))
            try file.sync()
            file.adviseSequential()
            file.adviseWillNeed()
            file.dropCache()
            #expect(try directory.readFile("f") == Array("content".utf8))
        }
    }
}
