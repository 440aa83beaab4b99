import Codec
import Ledger
import Platform
import TestSupport
import Testing

struct EntryListTests {
    private func rows(_ source: any RangedSource) throws -> [EntryList.Row] {
        let reader = try EntryListReader(source)
        var rows: [EntryList.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    private func written(_ rows: [EntryList.Row]) throws -> [UInt8] {
        try fileBytes { file in
            let writer = try EntryListWriter(file)
            for row in rows { try writer.write(row) }
            let digest = try writer.finish()
            #expect(try SHA256Hasher.digest(of: FileSource(file)) == digest)
        }
    }

    @Test(arguments: [
        (EntryList.Action.take, "new"), (.take, ""), (.carry, ""), (.skip, "fifo"), (.skip, "tab\tand\nnewline"),
    ])
    func `rows with odd keys come back`(action: EntryList.Action, reason: String) throws {
        let rows = oddKeys.map { key in
            var row = Manifest.Row(entry: entry(key, size: 1 << 20, link: key), tenant: "acme")
            row.sha256 = SHA256Hasher.digest(of: key.bytes)
            return EntryList.Row(action, reason: reason, row)
        }
        let back = try self.rows(BytesSource(try written(rows), name: "list"))
        #expect(back == rows)
    }

    @Test(
        arguments: [
            (nil, ""), ([], "hole"), ([0..<4_096], "0+4096"),
            ([4_096..<8_192, 1_000_000..<1_048_576], "4096+4096,1000000+48576"),
        ] as [([Range<Int64>]?, String)])
    func `data ranges come back`(sparse: [Range<Int64>]?, text: String) throws {
        let row = EntryList.Row(.take, Manifest.Row(entry: entry("key", size: 1 << 20)), sparse: sparse)
        let bytes = try written([row])
        #expect(try unpacked(bytes).hasSuffix("\t\(text)\n"))
        #expect(try rows(BytesSource(bytes, name: "list")) == [row])
    }

    @Test(arguments: [
        "x", "1", "1+", "+1", "1+0", "1+-1", "-1+2", "0+1048577", "1048576+1", "0+10,5+10", "10+5,0+5",
        "9223372036854775807+1", "1+9223372036854775807", "1+2+3", "holes",
    ])
    func `ranges that a file can't have are refused`(text: String) throws {
        let header = (["action", "reason"] + Manifest.columns + ["sparse"]).joined(separator: "\t")
        let cells = ["take", "", "a", "f", "1048576", "5.000000000"] + Array(repeating: "", count: 14) + [text]
        let reader = try EntryListReader(try packed(header + "\n" + cells.joined(separator: "\t") + "\n"))
        let failure = fault { try reader.next() }
        #expect(failure?.code == .damaged)
        #expect(failure?.message.contains("no data range of a file of 1048576 bytes") == true)
    }

    @Test func `an unknown action is refused by name`() throws {
        let reader = try EntryListReader(try packed("key\ttype\tsize\tmodified\taction\na\tf\t0\t5.000000000\tkeep\n"))
        let failure = fault { try reader.next() }
        #expect(failure?.message == "table:2: unknown action 'keep'")
    }

    @Test func `columns may stand in another order and more may come`() throws {
        let reader = try EntryListReader(
            try packed("sparse\tx\tkey\ttype\tsize\tmodified\treason\taction\n0+1\t\ta\tf\t2\t5.000000000\twhy\ttake\n")
        )
        let row = try reader.next()
        let expected = EntryList.Row(
            .take, reason: "why",
            Manifest.Row(entry: entry("a", size: 2, modified: Timestamp(seconds: 5), mode: 0)), sparse: [0..<1])
        #expect(row == expected)
    }
}
