import Platform
import TestSupport
import Testing

struct ByteStreamTests {
    private func read(_ stream: any ByteStream, pieces: Int) throws -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: pieces)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try stream.read(into: $0) }
            if count == 0 { return result }
            result += buffer.prefix(count)
        }
    }

    @Test(arguments: [1, 3, 4, 5, 100], [[], [0..<10], [2..<2, 3..<6, 0..<1, 9..<10]] as [[Range<Int64>]])
    func `ranges come one after the other, whatever the size of the reads`(pieces: Int, ranges: [Range<Int64>]) throws {
        try withTemporaryDirectory { path in
            let content = Array("0123456789".utf8)
            try TreeBuilder(path).file("f", content)
            let stream = RangesStream(try FileSource(try File.open(path + "/f")), ranges)
            let expected = ranges.flatMap { content[Int($0.lowerBound)..<Int($0.upperBound)] }
            #expect(try read(stream, pieces: pieces) == expected)
        }
    }

    @Test func `a source that has become shorter is a fault`() throws {
        try withTemporaryDirectory { path in
            try TreeBuilder(path).file("f", text: "0123456789")
            let stream = RangesStream(try FileSource(try File.open(path + "/f")), [0..<20])
            #expect(#expect(throws: Fault.self) { try read(stream, pieces: 8) }?.code == .changed)
        }
    }
}
