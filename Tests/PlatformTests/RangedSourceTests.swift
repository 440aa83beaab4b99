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
}
