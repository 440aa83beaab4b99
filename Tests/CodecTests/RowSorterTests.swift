import Platform
import TestSupport
import Testing

@testable import Codec

struct RowSorterTests {
    private func rows(_ sorted: SortedRows) throws -> [String] {
        let reader = try sorted.reader()
        var rows: [String] = []
        while let row = try reader.next() { rows.append(String(decoding: row.rowBytes, as: UTF8.self)) }
        return rows
    }

    @Test("rows come in the order of their bytes, however many are sorted at a time", arguments: [1, 40, 1 << 20])
    func sorts(_ limit: Int) throws {
        let directory = try TemporaryDirectory()
        let sorter = try RowSorter(scratch: try Directory.open(directory.path), limit: limit)
        var random = SplitMix64(seed: 7)
        var expected: [String] = []
        var row = RowWriter()
        for number in 0..<200 {
            let key = ["a", "a/b", "a.b", "aa", "ä"].randomElement(using: &random) ?? ""
            row.field(key)
            row.field(Int64(number))
            row.endRow()
            expected.append("\(key)\t\(number)")
            // Several rows at once, or one.
            if number % 3 == 0 { try sorter.add(&row) }
        }
        try sorter.add(&row)
        let sorted = try sorter.finish()
        expected.sort { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        for _ in 1...2 {
            let found = try rows(sorted)
            #expect(found == expected)
        }
        // Equal keys follow each other.
        let keys = expected.map { $0.split(separator: "\t")[0] }
        let changes = zip(keys, keys.dropFirst()).filter { $0 != $1 }.count
        #expect(changes == Set(keys).count - 1)
        #expect(try Directory.open(directory.path).names() == [])
    }

    @Test("no rows are no rows") func empty() throws {
        let directory = try TemporaryDirectory()
        let sorter = try RowSorter(scratch: try Directory.open(directory.path))
        let found = try rows(try sorter.finish())
        #expect(found == [])
    }
}
