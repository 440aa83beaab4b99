import Codec
import Platform
import TestSupport
import Testing

struct TableScannerTests {
    /// A table of which each piece is a member, and so a block of the scanner.
    private func table(_ pieces: [[UInt8]]) throws -> BytesSource {
        BytesSource(try members(pieces).flatMap { $0 }, name: "table")
    }

    private func scanner(
        _ text: String, _ columns: [String] = ["key", "size"], required: Set<String> = ["key"], order: Int? = nil
    ) throws -> TableScanner {
        try TableScanner(gzip: try table([Array(text.utf8)]), columns: columns, required: required, order: order)
    }

    private func cut(_ bytes: [UInt8], by step: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: step).map { Array(bytes[$0..<min($0 + step, bytes.count)]) }
    }

    @Test(arguments: [1, 3, 61, 64, 67, 1_000, 1 << 20])
    func `rows are the same as those of RowReader, wherever the blocks end`(step: Int) throws {
        var random = SplitMix64(seed: UInt64(step))
        let columns = ["a", "b", "c", "d"]
        var writer = RowWriter()
        for column in columns { writer.field(column) }
        writer.endRow()
        let rows = step < 10 ? 60 : 2_000
        for _ in 0..<rows {
            let odd = Int.random(in: 0..<8, using: &random) == 0
            for _ in columns {
                let count = Int.random(in: 0...(odd ? 200 : 40), using: &random)
                let bytes = random.bytes(count)
                writer.field(ByteString(bytes: odd ? bytes : bytes.map { 0x61 + $0 % 26 }))
            }
            writer.endRow()
        }
        let scanner = try TableScanner(
            gzip: try table(cut(writer.bytes, by: step)), columns: ["b", "d", "x"], required: ["b"])
        let reader = RowReader(PiecesStream(writer.bytes))
        #expect(try reader.next())
        for _ in 0..<rows {
            let (one, other) = (try scanner.next(), try reader.next())
            try #require(one && other)
            #expect(Array(scanner.row) == reader.rowBytes)
            #expect(Array(scanner.field(0)) == reader.rawField(1))
            #expect(Array(scanner.field(1)) == reader.rawField(3))
            #expect(scanner.field(2).isEmpty)
            let plain = try scanner.unescaped(1) { ByteString($0) }
            #expect(try plain == reader.bytes(3))
            #expect(scanner.hasEscapes == reader.rowBytes.contains(0x5C))
            #expect(scanner.line == reader.line)
        }
        #expect(try !scanner.next())
        #expect(try !scanner.next())
    }

    @Test func `rows may have fewer and more fields than the header`() throws {
        let scanner = try scanner("key\tsize\tmore\none\n\nthree\t3\tx\ty\tz\n", ["key", "size", "more"])
        #expect(scanner.hasExactColumns)
        var rows: [[String]] = []
        while try scanner.next() { rows.append((0..<3).map { scanner.text($0) }) }
        #expect(rows == [["one", "", ""], ["", "", ""], ["three", "3", "x"]])
    }

    @Test func `a table of more columns than are looked at is read by those that are`() throws {
        let names = (0..<80).map { "c\($0)" }
        let text = names.joined(separator: "\t") + "\n" + (0..<80).map(String.init).joined(separator: "\t") + "\n"
        let scanner = try scanner(text, ["c63", "c0"], required: ["c63"])
        #expect(try scanner.next())
        #expect(scanner.text(0) == "63" && scanner.text(1) == "0")
        #expect(throws: Fault.self) { try self.scanner(text, ["c64"], required: ["c64"]) }
    }

    @Test func `numbers are numbers`() throws {
        let scanner = try scanner("key\tsize\na\t0\nb\t9007199254740993\nc\t\nd\t-1\ne\t1x\nf\t99999999999999999999\n")
        var sizes: [Int64?] = []
        while try scanner.next() { sizes.append(try? scanner.number(1)) }
        #expect(sizes == [0, 9_007_199_254_740_993, nil, nil, nil, nil])
    }

    // MARK: The order

    private func fault(_ text: String, step: Int = .max) throws -> Fault? {
        let bytes = Array(text.utf8)
        let source = try table(cut(bytes, by: min(step, bytes.count)))
        let scanner = try TableScanner(gzip: source, columns: ["size", "key"], required: ["key"], order: 1)
        do throws(Fault) {
            while try scanner.next() {}
            return nil
        } catch { return error }
    }

    @Test(arguments: [1, 2, 5, 9, 1_000])
    func `keys that ascend as bytes without escapes pass, and no others`(step: Int) throws {
        // A tab, escaped with a backslash, comes before a space.
        let right = "key\tsize\na\\tb\t1\na b\t2\nab\t3\nab\\\\\t4\nabc\t5\nb\\xFF\t6\n"
        #expect(try fault(right, step: step) == nil)
        let wrong = [
            "key\tsize\na b\t2\na\\tb\t1\n", "key\tsize\nab\t3\nab\t3\n", "key\tsize\na\\tb\t3\na\\tb\t3\n",
            "key\tsize\n\t3\n", "key\tsize\nb\t1\na\t3\n", "key\tsize\nab\t1\na\t3\n",
        ]
        for text in wrong {
            let found = try fault(text, step: step)
            let line = text == "key\tsize\n\t3\n" ? 2 : 3
            #expect(found?.message == "table:\(line): the key is not greater than the one before", "\(text)")
            #expect(found?.code == .damaged)
        }
        let escape = try fault("key\tsize\na\\q\t1\n", step: step)
        #expect(escape?.message == "table:2: field 2 has an unknown escape")
    }

    @Test func `the key before is remembered though its memory holds something else`() throws {
        // Each block is a row of some 300 KB: the key before is in a block that others have had since.
        for isRight in [true, false] {
            var pieces: [[UInt8]] = [Array("key\tsize\n".utf8)]
            for row in 0..<20 {
                let number = row == 19 && !isRight ? 18 : row + 10
                pieces.append(Array("k\(number)\t\(String(repeating: "\(row % 10)", count: 300_000))\n".utf8))
            }
            let scanner = try TableScanner(gzip: try table(pieces), columns: ["key"], required: ["key"], order: 0)
            var count = 0
            var found: Fault?
            do throws(Fault) { while try scanner.next() { count += 1 } } catch { found = error }
            #expect(count == (isRight ? 20 : 19))
            #expect((found == nil) == isRight)
        }
    }

    // MARK: What is wrong

    @Test func `a table without end, header or columns is told`() throws {
        func message(_ pieces: [[UInt8]]) -> String {
            do {
                let scanner = try TableScanner(gzip: try table(pieces), columns: ["key"], required: ["key"])
                while try scanner.next() {}
                return ""
            } catch { return (error as? Fault)?.message ?? "\(error)" }
        }
        #expect(message([Array("key\nabc\nde".utf8)]) == "table:3: the last row is cut off")
        #expect(message([Array("key\nabc\n".utf8), Array("de".utf8)]) == "table:3: the last row is cut off")
        #expect(message([Array("name\nabc\n".utf8)]) == "table:1: has no column 'key'")
        #expect(message([[]]) == "table: is empty, expected a header line")
        let long = Array(repeating: UInt8(ascii: "x"), count: (1 << 20) + 1)
        #expect(message([Array("key\n".utf8) + long + [0x0A]]).contains("table:2: the row is too long"))
        #expect(message([Array("key\n".utf8) + long.dropLast(2) + [0x0A]]) == "")
    }

    @Test func `damage is told where the reading comes to it`() throws {
        var bytes = try members(
            cut(Array("key\n".utf8) + Array(repeating: [0x61, 0x0A], count: 200_000).flatMap { $0 }, by: 100_000)
        )
        .flatMap { $0 }
        bytes[bytes.count - 6] ^= 1
        let scanner = try TableScanner(gzip: BytesSource(bytes, name: "table"), columns: ["key"], required: ["key"])
        var rows = 0
        var found: Fault?
        do throws(Fault) { while try scanner.next() { rows += 1 } } catch { found = error }
        #expect(found?.code == .damaged)
        #expect(rows >= 190_000)
    }
}
