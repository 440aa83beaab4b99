import Ledger
import Platform
import TestSupport
import Testing

@testable import Warehouse

struct BatchCSVTests {
    @Test(arguments: [
        ("a b", "lake,a%20b\n"), ("a+b", "lake,a%2Bb\n"), ("a%2Bb", "lake,a%252Bb\n"),
        ("a&b=c#d?e", "lake,a%26b%3Dc%23d%3Fe\n"),
        ("/a//b", "lake,/a//b\n"), ("a\nb,\"c\"", "lake,a%0Ab%2C%22c%22\n"), ("é", "lake,%C3%A9\n"),
    ])
    func `keys are encoded so that a line has two fields`(key: ByteString, line: String) {
        #expect(BatchCSV.line(bucket: "lake", key) == line)
    }

    @Test func `a version that there is none of is null`() {
        #expect(BatchCSV.line(bucket: "lake", "a", version: "") == "lake,a,null\n")
        #expect(BatchCSV.line(bucket: "lake", "a", version: "v.1_x") == "lake,a,v.1_x\n")
    }

    @Test func `a job copies only what it can name, up to 5 GB`() throws {
        let keys = DestinationKeys(job: "lake", run: try #require(CivilDate("2026-11-20")), prefix: "")
        func part(_ key: String, _ object: String, size: Int64 = 1) -> BatchCSV.Part? {
            var row = Manifest.Row(
                entry: Entry(
                    key: ByteString(key), kind: .file, size: size, modified: Timestamp(seconds: 0), mode: 0, uid: 0,
                    gid: 0))
            row.object = object
            return BatchCSV.part(of: row, keys)
        }
        #expect(part("d/a", "lake/data/d/a") == .data)
        #expect(part("d/a", "lake/run/2026-11-20/d/a") == nil)
        #expect(part("d/_delta_log/a", "lake/run/2026-11-20/d/_delta_log/a") == .logs)
        #expect(part("d/a", "lake/data/d/a", size: 5_000_000_000) == .data)
        #expect(part("d/a", "lake/data/d/a", size: 5_000_000_001) == nil)
        #expect(part("d/a", "lake/long/2026-11-20/00") == nil)
    }

    @Test func `rows are written with their digest`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let file = try directory.createFile("a.csv")
            let writer = BatchCSV.Writer(file, bucket: "lake", hasVersions: true)
            for (key, version) in [("a", ""), ("b c", "v1")] {
                var entry = Entry(
                    key: ByteString(key), kind: .file, size: 1, modified: Timestamp(seconds: 0), mode: 0, uid: 0, gid: 0
                )
                entry.version = version
                try writer.write(entry)
            }
            _ = try writer.finish()
            #expect(String(decoding: try directory.readFile("a.csv"), as: UTF8.self) == "lake,a,null\nlake,b%20c,v1\n")
            #expect(writer.count == 2)
        }
    }
}
