import Codec
import Platform
import Testing

struct RowWriterTests {
    private func expectRow(_ written: String, _ fill: (inout RowWriter) -> Void) {
        var writer = RowWriter()
        fill(&writer)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == written)
    }

    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("a\tb", "a\\tb"), ("a\nb", "a\\nb"), ("a\rb", "a\\rb"), ("a\\b", "a\\\\b"),
        ("\u{0}\u{1}\u{1f}\u{7f}", "\\x00\\x01\\x1f\\x7f"), ("grüße 日本", "grüße 日本"), ("a b\"c'd", "a b\"c'd"),
        ("\\t", "\\\\t"),
    ])
    func `control bytes and backslashes are escaped, the rest stays`(text: String, written: String) {
        expectRow(written) { $0.field(ByteString(text)) }
        expectRow(written) { $0.field(text) }
    }

    @Test func `bytes that are no UTF-8 stay as they are`() {
        var writer = RowWriter()
        writer.field(ByteString(bytes: [0xFF, 0x80, 0xC3]))
        #expect(writer.bytes == [0xFF, 0x80, 0xC3])
    }

    @Test(arguments: [
        (0, "0"), (-1, "-1"), (9, "9"), (10, "10"), (-1_234_567_890, "-1234567890"),
        (Int64.max, "9223372036854775807"), (Int64.min, "-9223372036854775808"),
    ])
    func `numbers are decimal`(value: Int64, written: String) {
        expectRow(written) { $0.field(value) }
        expectRow(written) { $0.field(Optional(value)) }
    }

    @Test(arguments: [
        (UInt32(0), "0000"), (0o1, "0001"), (0o644, "0644"), (0o7777, "7777"), (0o100644, "100644"),
        (UInt32.max, "37777777777"),
    ])
    func `modes are octal with at least four digits`(value: UInt32, written: String) {
        expectRow(written) { $0.field(octal: value) }
    }

    @Test(arguments: [
        (Timestamp(seconds: 0), "0.000000000"),
        (Timestamp(seconds: 1_732_060_800, nanoseconds: 123_456_789), "1732060800.123456789"),
        (Timestamp(seconds: 5, nanoseconds: 1), "5.000000001"),
        (Timestamp(seconds: 5, nanoseconds: 999_999_999), "5.999999999"),
        (Timestamp(seconds: -2), "-2.000000000"), (Timestamp(seconds: -2, nanoseconds: 500_000_000), "-1.500000000"),
        (Timestamp(seconds: -1, nanoseconds: 1), "-0.999999999"),
        (Timestamp(seconds: -1, nanoseconds: 999_999_999), "-0.000000001"),
    ])
    func `times are seconds with nine decimals`(moment: Timestamp, written: String) {
        expectRow(written) { $0.field(moment) }
    }

    @Test func `fields stand between tabs and rows end with a newline`() throws {
        let digest = SHA256Hasher.digest(of: [])
        var writer = RowWriter()
        writer.empty()
        writer.field("a" as StaticString)
        writer.append(ascii: "b")
        writer.field(nil as Int64?)
        writer.field(nil as Digest256?)
        writer.field(digest)
        writer.endRow()
        writer.endRow()
        writer.append(raw: Array("x\ty".utf8)[...])
        writer.field(1)
        writer.append(decimal: -2)
        writer.endRow()
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "\tab\t\t\t\(digest)\n\nx\ty\t1-2\n")
        writer.clear()
        #expect(writer.bytes.isEmpty)
        writer.field(3)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "3")
    }
}
