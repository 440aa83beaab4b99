import Codec
import Platform
import TestSupport
import Testing

struct GzipWriterTests {
    /// Writes a table with `fill` and gives the file's bytes, after checking digest and count.
    private func written(level: Int = 6, _ fill: (GzipWriter) throws -> Void) throws -> [UInt8] {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let file = try directory.createFile("table.gz")
            let writer = try GzipWriter(file, level: level)
            try fill(writer)
            let digest = try writer.finish()
            let bytes = try directory.readFile("table.gz")
            #expect(digest == SHA256Hasher.digest(of: bytes))
            #expect(writer.written == Int64(bytes.count))
            return bytes
        }
    }

    /// Where the members end.
    private func memberEnds(_ bytes: [UInt8]) throws -> [Int64] {
        var ends: [Int64] = []
        let reader = MemberReader.gzip(BytesSource(bytes, name: "table"))
        reader.onMemberEnd = { (offset: Int64) throws(Fault) in ends.append(offset) }
        _ = try readAll(reader)
        return ends
    }

    @Test func `an empty table is one empty member`() throws {
        let bytes = try written { _ in }
        let ends = try memberEnds(bytes)
        #expect(ends == [Int64(bytes.count)])
        #expect(try gunzipped(bytes).isEmpty)
        let flushed = try written { try $0.flush() }
        #expect(flushed == bytes)
    }

    @Test(arguments: [1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20, (3 << 20) + 17])
    func `each MiB becomes a member`(count: Int) throws {
        var random = SplitMix64(seed: 7)
        let input = random.text(count)
        let bytes = try written { writer in
            var rest = input[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...200_000, using: &random))
                try writer.write(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
        }
        let ends = try memberEnds(bytes)
        #expect(ends.count == (count + (1 << 20) - 1) >> 20)
        #expect(ends.last == Int64(bytes.count))
        let back = try gunzipped(bytes)
        #expect(back == input)
    }

    @Test func `the size of the writes does not change the bytes`() throws {
        var random = SplitMix64(seed: 8)
        let input = random.text(2_500_000)
        let atOnce = try written { try $0.write(input) }
        let inPieces = try written { writer in
            for start in stride(from: 0, to: input.count, by: 999) {
                try writer.write(Array(input[start..<min(start + 999, input.count)]))
            }
        }
        #expect(atOnce == inPieces)
    }

    @Test func `a flush ends the member and an empty one makes none`() throws {
        let bytes = try written { writer in
            try writer.write(Array("one".utf8))
            try writer.flush()
            try writer.flush()
            try writer.write(Array("two".utf8))
        }
        let ends = try memberEnds(bytes)
        #expect(ends.count == 2)
        let second = MemberReader.gzip(BytesSource(bytes, name: "table"), range: ends[0]..<ends[1])
        #expect(try readAll(second) == Array("two".utf8))
    }

    @Test func `rows are written and their writer cleared`() throws {
        var row = RowWriter()
        let bytes = try written { writer in
            for number in 0..<3 {
                row.field(Int64(number))
                row.endRow()
                try writer.write(&row)
                #expect(row.bytes.isEmpty)
            }
        }
        #expect(try gunzipped(bytes) == Array("0\n1\n2\n".utf8))
    }

    @Test func `a table begins where the file stands`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let file = try directory.createFile("two")
            for text in ["first", "second"] {
                let writer = try GzipWriter(file)
                try writer.write(Array(text.utf8))
                _ = try writer.finish()
            }
            #expect(try gunzipped(try directory.readFile("two")) == Array("firstsecond".utf8))
        }
    }

    @Test func `a file that can't be written is the system's fault`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            _ = try directory.createFile("read-only")
            let writer = try GzipWriter(try directory.openFile("read-only"))
            try writer.write([1])
            let failure = fault { try writer.finish() }
            #expect(failure?.message.contains("write \(path)/read-only") == true)
        }
    }
}
