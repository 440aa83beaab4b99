import Ledger
import Platform
import TestSupport
import Testing

struct EntrySpoolTests {
    private func row(_ number: Int, _ random: inout SplitMix64) -> EntryList.Row {
        let key = ByteString(bytes: random.bytes(Int.random(in: 1...400, using: &random)))
        var row = Manifest.Row(entry: entry(key, size: Int64(number)), tenant: "t\(number % 3)")
        row.flags = number % 5 == 0 ? .racy : []
        let sparse: [Range<Int64>]? = number % 7 == 0 ? (number == 0 ? [] : [0..<1]) : nil
        return EntryList.Row(.take, reason: "new", row, sparse: sparse)
    }

    private func read(_ reader: SpoolReader) throws -> [EntryList.Row] {
        var rows: [EntryList.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    @Test func `any ranges bring their rows in the order asked for`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let spool = try EntrySpool(scratch: directory)
            var random = SplitMix64(seed: 10)
            let rows = (0..<6_000).map { row($0, &random) }
            let ranges = try rows.map { try spool.append($0) }
            let end = ranges.last?.upperBound ?? 0
            #expect(end > 1 << 20, "the spool was flushed on the way")
            #expect(ranges.map(\.lowerBound) == [0] + ranges.map(\.upperBound).dropLast())
            let entries = try spool.finish()
            let all = try read(entries.rows([0..<end]))
            #expect(all == rows)
            let picked = (0..<500).map { _ in Int.random(in: 0..<rows.count, using: &random) }
            let some = try read(entries.rows(picked.map { ranges[$0] }))
            let expected = picked.map { rows[$0] }
            #expect(some == expected)
            let pair = try read(entries.rows([ranges[9].lowerBound..<ranges[11].upperBound, 5..<5, ranges[3]]))
            #expect(pair == [rows[9], rows[10], rows[11], rows[3]])
            #expect(try read(entries.rows([])).isEmpty)
            #expect(try directory.names() == [], "the file has no name")
        }
    }

    @Test func `two readers do not disturb each other`() throws {
        try withTemporaryDirectory { path in
            let spool = try EntrySpool(scratch: try Directory.open(path))
            var random = SplitMix64(seed: 11)
            let rows = (0..<50).map { row($0, &random) }
            var end: Int64 = 0
            for row in rows { end = try spool.append(row).upperBound }
            let entries = try spool.finish()
            let (one, two) = (entries.rows([0..<end]), entries.rows([0..<end]))
            for row in rows {
                #expect(try one.next() == row)
                #expect(try two.next() == row)
            }
            #expect(try one.next() == nil)
        }
    }

    @Test func `an empty spool has no rows`() throws {
        try withTemporaryDirectory { path in
            let entries = try EntrySpool(scratch: try Directory.open(path)).finish()
            #expect(try read(entries.rows([])).isEmpty)
        }
    }

    @Test func `a range that cuts a row is damaged`() throws {
        try withTemporaryDirectory { path in
            let spool = try EntrySpool(scratch: try Directory.open(path))
            var random = SplitMix64(seed: 12)
            let range = try spool.append(row(1, &random))
            let entries = try spool.finish()
            try expectFault(.damaged) { try read(entries.rows([range.lowerBound..<range.upperBound - 1])) }
            try expectFault(.changed) { try read(entries.rows([0..<range.upperBound + 1])) }
        }
    }
}
