import Codec
import Platform
import TestSupport
import Testing

struct RowReaderTests {
    private static let chunk = 256 << 10

    private func reader(_ text: String, limit: Int = 4 << 20) -> RowReader {
        RowReader(PiecesStream(Array(text.utf8)), limit: limit)
    }

    /// A reader that stands on a row of one field.
    private func field(_ text: String) throws -> RowReader {
        let reader = reader(text + "\n")
        let isThere = try reader.next()
        try #require(isThere)
        return reader
    }

    @Test func `every byte string comes back`() throws {
        var values: [ByteString] = [ByteString()]
        for byte in UInt8.min...UInt8.max {
            values.append(ByteString(bytes: [byte]))
            values.append(ByteString(bytes: [byte, byte, 0x61, byte]))
            values.append(ByteString(bytes: [0x5C, byte]))
        }
        values.append(ByteString(UInt8.min...UInt8.max))
        values.append(ByteString((UInt8.min...UInt8.max).reversed()))
        var random = SplitMix64(seed: 2)
        for _ in 0..<200 { values.append(ByteString(bytes: random.bytes(Int.random(in: 0...300, using: &random)))) }

        var writer = RowWriter()
        for value in values {
            writer.field(value)
            writer.field(value)
            writer.endRow()
        }
        let newlines = writer.bytes.filter { $0 == 0x0A }.count
        let odd = writer.bytes.filter { $0 < 0x20 && $0 != 0x0A && $0 != 0x09 }
        #expect(newlines == values.count)
        #expect(odd == [])
        for step in [1, 7, 4_096, Int.max] {
            let reader = RowReader(PiecesStream(writer.bytes, step: step))
            for value in values {
                let isThere = try reader.next()
                try #require(isThere)
                #expect(reader.fieldCount == 2)
                #expect(try reader.bytes(0) == value)
                #expect(try reader.bytes(1) == value)
            }
            #expect(try !reader.next())
            #expect(try !reader.next())
        }
    }

    @Test(arguments: [-4, -3, -2, -1, 0, 1, 2, 3, 4])
    func `rows across the border of a chunk are whole`(shift: Int) throws {
        // The border falls on each byte of the second row's "a\tb\\n\n" in turn.
        let first = String(repeating: "x", count: Self.chunk - 4 + shift)
        let text = first + "\na\tb\\n\n\nlast\n"
        let reader = reader(text)
        #expect(try reader.next())
        #expect(reader.rowBytes.count == first.utf8.count)
        #expect(try reader.next())
        #expect(reader.fieldCount == 2)
        #expect(try reader.text(0) == "a")
        #expect(try reader.text(1) == "b\n")
        #expect(try reader.next())
        #expect(reader.fieldCount == 1 && reader.isEmpty(0))
        #expect(try reader.next())
        #expect(try reader.text(0) == "last")
        #expect(reader.line == 4)
        #expect(try !reader.next())
    }

    @Test func `rows longer than several chunks are whole`() throws {
        var random = SplitMix64(seed: 3)
        let long = ByteString(bytes: random.bytes(3 * Self.chunk + 5))
        var writer = RowWriter()
        for field in ["before", long, "behind"] as [ByteString] { writer.field(field) }
        writer.endRow()
        let packed = try members([writer.bytes]).joined()
        let reader = RowReader(gzip: BytesSource(Array(packed), name: "rows"))
        #expect(try reader.next())
        #expect(try reader.bytes(1) == long)
        #expect(try reader.text(2) == "behind")
        #expect(try !reader.next())
    }

    @Test func `a row has its limit`() throws {
        let exact = reader(String(repeating: "x", count: 100) + "\nb\n", limit: 100)
        #expect(try exact.next())
        #expect(try exact.next())
        let over = reader("a\n" + String(repeating: "x", count: 101) + "\n", limit: 100)
        #expect(try over.next())
        let failure = fault { try over.next() }
        #expect(failure?.code == .damaged)
        #expect(failure?.message == "rows:2: a row of more than 100 bytes")
        // A file without any newline must not be gathered up to its end.
        let endless = RowReader(PiecesStream([UInt8](repeating: 0x78, count: 3 * Self.chunk)), limit: 1_000)
        try expectFault(.damaged, "rows:1: a row of more than 1000 bytes") { try endless.next() }
        #expect(endless.rowBytes.count <= Self.chunk + 1_000)
    }

    @Test(arguments: ["a\nb", "a\nb\tc\t", "a\n\t", "a\n" + String(repeating: "x", count: chunk)])
    func `a last row without an end is torn`(text: String) throws {
        let reader = reader(text)
        #expect(try reader.next())
        let failure = fault { try reader.next() }
        #expect(failure?.code == .damaged)
        #expect(failure?.message == "rows:2: the last row is cut off")
    }

    @Test func `an empty table has no rows`() throws {
        #expect(try !reader("").next())
    }

    @Test func `fields that a row lacks are empty`() throws {
        let reader = try field("a\tb")
        #expect(reader.fieldCount == 2)
        for index in [2, 99, Int.max / 2] {
            #expect(reader.isEmpty(index))
            #expect(try reader.bytes(index).isEmpty)
            #expect(try reader.optionalInt(index) == nil)
            #expect(try reader.digest(index) == nil)
            try expectFault(.damaged) { try reader.int(index) }
            try expectFault(.damaged) { try reader.octal(index) }
            try expectFault(.damaged) { try reader.timestamp(index) }
        }
    }

    @Test func `a field is compared as a whole`() throws {
        let reader = try field("#parts\t#part\t\tab")
        #expect(reader.field(0, is: "#parts"))
        #expect(!reader.field(0, is: "#part") && !reader.field(1, is: "#parts") && !reader.field(2, is: "#parts"))
        #expect(reader.field(2, is: "") && reader.field(9, is: "") && reader.field(3, is: "ab"))
    }

    @Test(arguments: [
        ("0", Int64(0)), ("-0", 0), ("00012", 12), ("-7", -7), ("9223372036854775807", .max),
        ("-9223372036854775807", -.max), ("-9223372036854775808", .min),
    ])
    func `numbers come back`(text: String, value: Int64) throws {
        #expect(try field(text).int(0) == value)
        #expect(try field(text).optionalInt(0) == value)
    }

    @Test(arguments: [
        "", "-", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "--1", "9223372036854775808", "-9223372036854775809",
        "99999999999999999999", "00000000000000000000", "1\\t", "a", "١",
    ])
    func `what is no number is refused`(text: String) throws {
        let reader = try field(text)
        let failure = fault { try reader.int(0) }
        #expect(failure?.code == .damaged)
        #expect(failure?.message == "rows:1: field 1 is no number")
    }

    @Test(arguments: [
        ("0", UInt32(0)), ("0644", 0o644), ("7777", 0o7777), ("100644", 0o100644), ("00000000644", 0o644),
    ])
    func `octal numbers come back`(text: String, value: UInt32) throws {
        #expect(try field(text).octal(0) == value)
    }

    @Test(arguments: ["", "8", "0o644", "-644", "06 44", "37777777777", "777777777777777777777777777777"])
    func `what is no mode is refused`(text: String) throws {
        let reader = try field(text)
        try expectFault(.damaged) { try reader.octal(0) }
    }

    @Test(arguments: [
        Timestamp(seconds: 0), Timestamp(seconds: 1_732_060_800, nanoseconds: 123_456_789),
        Timestamp(seconds: 1, nanoseconds: 1), Timestamp(seconds: -1, nanoseconds: 999_999_999),
        Timestamp(seconds: -5_000_000_000, nanoseconds: 5), Timestamp(seconds: .max, nanoseconds: 999_999_999),
        Timestamp(seconds: .min), Timestamp(seconds: .min, nanoseconds: 1),
        Timestamp(seconds: -1, nanoseconds: 500_000_000),
    ])
    func `times come back`(moment: Timestamp) throws {
        var writer = RowWriter()
        writer.field(moment)
        #expect(try field(String(decoding: writer.bytes, as: UTF8.self)).timestamp(0) == moment)
    }

    @Test(arguments: [
        "", "1", "1.", "1.5", "1.12345678", "1.1234567890", ".123456789", "1.-12345678", "1.-00000000", "1.+12345678",
        "a.123456789", "1.12345678x", "1.000000000.000000000", "99999999999999999999.000000000",
        "-9223372036854775808.000000001",
    ])
    func `what is no time is refused`(text: String) throws {
        let reader = try field(text)
        let failure = fault { try reader.timestamp(0) }
        #expect(failure?.code == .damaged)
        #expect(failure?.message == "rows:1: field 1 is no time")
    }

    @Test(arguments: [
        "\\", "a\\", "\\q", "\\x", "\\x1", "\\x1g", "\\xg1", "\\x+5", "\\x-1", "\\x 1", "\\T", "\\0", "\\\\\\",
    ])
    func `what is no escape is refused`(text: String) throws {
        let reader = try field(text)
        try expectFault(.damaged) { try reader.bytes(0) }
        try expectFault(.damaged) { try reader.text(0) }
    }

    @Test(arguments: [
        ("\\x41", "A"), ("\\x7f\\x7F", "\u{7f}\u{7f}"), ("\\t\\n\\r\\\\", "\t\n\r\\"), ("\\\\x41", "\\x41"),
    ])
    func `escapes are undone once`(text: String, value: String) throws {
        #expect(try field(text).text(0) == value)
    }

    @Test func `an escape does not reach into the next field`() throws {
        for text in ["\\\tx", "\\x\t41", "\\x4\t1"] {
            let reader = try field(text)
            try expectFault(.damaged, about: "\(text)") { try reader.bytes(0) }
        }
    }

    @Test func `digests are read or refused`() throws {
        let digest = SHA256Hasher.digest(of: [1])
        #expect(try field("\(digest)").digest(0) == digest)
        #expect(try field("").digest(0) == nil)
        let short = try field(String(digest.description.dropLast()))
        try expectFault(.damaged, "rows:1: field 1 is no SHA-256 digest") { try short.digest(0) }
    }

    @Test func `damage of the stream comes through`() throws {
        let packed = try members([Array("a\nb\n".utf8)]).joined()
        let cut = RowReader(gzip: BytesSource(Array(packed.dropLast()), name: "cut"))
        let failure = fault { while try cut.next() {} }
        #expect(failure?.code == .damaged)
        #expect(failure?.message.contains("the gzip member is cut off") == true)
    }

    @Test func `a small table is read whole, also where a member of it is larger than the buffer`() throws {
        var writer = RowWriter()
        var rows: [String] = []
        // Three members of a MiB that together have a few KiB, and one that is not full.
        while rows.count < 400_000 { rows.append("row \(rows.count / 20_000)") }
        for row in rows {
            writer.field(row)
            writer.field("x")
            writer.endRow()
        }
        let file = try Directory.open("/tmp").unnamedFile()
        let gzip = try GzipWriter(file)
        try gzip.write(writer.bytes)
        _ = try gzip.finish()
        let source = try FileSource(file)
        #expect(source.size < 64 << 10)
        let reader = try RowReader(table: source)
        var found: [String] = []
        while try reader.next() { found.append(try reader.text(0)) }
        #expect(found == rows)
        // What is behind it is no member.
        try file.write(Array("rubbish".utf8))
        let longer = try RowReader(table: try FileSource(file))
        try expectFault(.damaged) { while try longer.next() {} }
    }

    @Test func `what stands for a field is that of its bytes, whatever is escaped`() throws {
        let reader = try field("a\\tb\tab\ta\\tb")
        #expect(try reader.key(0) == KeyDigest("a\tb"))
        #expect(try reader.key(1) == KeyDigest("ab"))
        #expect(try reader.key(0) == reader.key(2))
        #expect(try reader.key(0) != reader.key(1))
    }
}
