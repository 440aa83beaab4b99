import Platform
import TestSupport
import Testing

struct RangedSourceTests {
    @Test func `a file is read at any offset and is as long as it was when opened`() throws {
        try withTemporaryDirectory { path in
            try TreeBuilder(path).file("f", text: "0123456789")
            let source: any RangedSource = try FileSource(try File.open(path + "/f"))
            #expect(source.size == 10)
            #expect(source.name == path + "/f")
            var buffer = [UInt8](repeating: 0, count: 4)
            #expect(try buffer.withUnsafeMutableBytes { try source.read(into: $0, at: 3) } == 4)
            #expect(buffer == Array("3456".utf8))
            #expect(try buffer.withUnsafeMutableBytes { try source.read(into: $0, at: 8) } == 2)
        }
    }

    @Test(arguments: [(0, 4, "0123"), (7, 4, "789"), (10, 4, ""), (99, 4, ""), (3, 0, ""), (0, 10, "0123456789")])
    func `bytes in memory answer as a file does`(offset: Int64, count: Int, expected: String) throws {
        try withTemporaryDirectory { path in
            try TreeBuilder(path).file("f", text: "0123456789")
            let sources: [any RangedSource] = [
                BytesSource(Array("0123456789".utf8), name: "memory"), try FileSource(try File.open(path + "/f")),
            ]
            for source in sources {
                var buffer = [UInt8](repeating: 0, count: count)
                let done = try buffer.withUnsafeMutableBytes { try source.read(into: $0, at: offset) }
                #expect(String(decoding: buffer.prefix(done), as: UTF8.self) == expected, "\(source.name)")
                #expect(source.size == 10)
            }
        }
    }
}
