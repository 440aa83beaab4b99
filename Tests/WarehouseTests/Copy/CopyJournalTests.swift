import Platform
import TestSupport
import Testing

@testable import Warehouse

struct CopyJournalTests {
    private func all(_ journal: CopyJournal) throws -> [CopyJournal.Row] {
        let reader = try journal.reader()
        var rows: [CopyJournal.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    @Test func `what a killed attempt has noted is merged with what comes later`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let first = try CopyJournal("j", in: directory)
            for key: ByteString in ["a", "b\t\n", "d"] {
                try first.write(.init(key: key, state: .copied, object: "o/" + key, etag: "1", source: "s\(key.count)"))
            }
            try first.sync()
            // As a crash cuts a row.
            let file = try directory.appendFile("j.next")
            try file.write(Array("e\tcop".utf8))
            try file.close()

            let second = try CopyJournal("j", in: directory)
            #expect(try all(second).map(\.key) == ["a", "b\t\n", "d"])
            try second.write(.init(key: "b\t\n", state: .vanished))
            try second.write(.init(key: "c", state: .failed, object: "no route"))
            try second.finish()
            let rows = try all(second)
            #expect(rows.map(\.key) == ["a", "b\t\n", "c", "d"])
            #expect(rows.map(\.state) == [.copied, .vanished, .failed, .copied])
            let reader = try second.reader()
            #expect(try reader.row(for: "aa") == nil)
            #expect(try reader.row(for: "c")?.object == "no route")
            #expect(try reader.row(for: "cc") == nil)
            let last = try #require(try reader.row(for: "d"))
            #expect(last.etag == "1" && last.source == "s1")
            #expect(try reader.row(for: "e") == nil)
            try second.remove()
            #expect(try directory.names() == [])
        }
    }
}
