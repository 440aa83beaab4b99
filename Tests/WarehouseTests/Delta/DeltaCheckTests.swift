import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@testable import Warehouse

struct DeltaCheckTests {
    /// A table in memory: log objects by name, and which other keys are held.
    private func findings(_ log: [String: String], held: [String], root: String = "d/t/") throws -> [DeltaCheck.Finding]
    {
        let keys = (log.keys.map { root + "_delta_log/" + $0 } + held).sorted()
        let text = Dictionary(uniqueKeysWithValues: log.map { (root + "_delta_log/" + $0.key, $0.value) })
        return try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let writer = try ManifestWriter(try directory.createFile("m"))
            for key in keys {
                var row = Manifest.Row(
                    entry: Entry(
                        key: ByteString(key), kind: .file, size: 1, modified: Timestamp(seconds: 0), mode: 0, uid: 0,
                        gid: 0))
                row.object = "x"
                try writer.write(row)
            }
            _ = try writer.finish()
            let source = BytesSource(try directory.readFile("m"), name: "m")
            return try DeltaCheck(bucket: "lake") { () throws(Fault) in
                try ManifestReader(source)
            } read: { row throws(Fault) in
                Array((text[row.entry.key.description] ?? "").utf8)
            }.run()
        }
    }

    private static func name(_ version: Int) -> String {
        let digits = String(version)
        return String(repeating: "0", count: 20 - digits.count) + digits
    }

    private static func add(_ path: String, vector: String = "") -> String {
        "{\"add\":{\"path\":\"\(path)\",\"size\":1\(vector)}}\n"
    }
    private static func remove(_ path: String, vector: String = "") -> String {
        "{\"remove\":{\"path\":\"\(path)\",\"dataChange\":true\(vector)}}\n"
    }

    @Test func `the newest version of which all files are held is found`() throws {
        let log = [
            "\(Self.name(0)).json": "{\"protocol\":{\"minReaderVersion\":1}}\n" + Self.add("a%20b.parquet"),
            "\(Self.name(1)).json": Self.add("missing.parquet"),
            "\(Self.name(2)).json": Self.remove("missing.parquet") + Self.add("s3://lake/d/t/p=1/c.parquet"),
            "\(Self.name(3)).json": Self.add("also-missing.parquet"),
        ]
        let found = try #require(try findings(log, held: ["d/t/a b.parquet", "d/t/p=1/c.parquet"]).first)
        #expect(found.table == "d/t/" && found.newest == 3 && found.restorable == 2 && found.isProven)
        #expect(found.lacking == ["d/t/also-missing.parquet"])
        let whole = try findings(log, held: ["d/t/a b.parquet", "d/t/p=1/c.parquet", "d/t/also-missing.parquet"])
        #expect(whole.first?.restorable == 3)
    }

    @Test func `deletion vectors are looked for, too`() throws {
        // The example of the protocol: d2c639aa-8816-431a-aaf6-d3fe2512ff61 below ab.
        let vector =
            ",\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"ab^-aqEH.-t@S}K{vb[*k^\",\"offset\":4}"
        let log = [
            "\(Self.name(0)).json": Self.add("a.parquet"),
            "\(Self.name(1)).json": Self.remove("a.parquet") + Self.add("a.parquet", vector: vector),
        ]
        let bin = "d/t/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"
        #expect(try findings(log, held: ["d/t/a.parquet", bin]).first?.restorable == 1)
        let without = try #require(try findings(log, held: ["d/t/a.parquet"]).first)
        #expect(without.restorable == 0 && without.lacking == [bin])
    }

    @Test func `a checkpoint stands for commits that were cleaned up`() throws {
        let log = [
            "\(Self.name(4)).checkpoint.parquet": "PAR1",
            "\(Self.name(5)).json": Self.add("b.parquet"), "\(Self.name(6)).json": Self.add("c.parquet"),
        ]
        let found = try #require(try findings(log, held: ["d/t/b.parquet"]).first)
        #expect(found.restorable == 5 && !found.isProven && found.newest == 6)
        let json = [
            "\(Self.name(4)).checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json":
                Self.add("a.parquet") + "{\"checkpointMetadata\":{\"version\":4}}\n",
            "\(Self.name(5)).json": Self.add("b.parquet"),
        ]
        let listed = try #require(try findings(json, held: ["d/t/a.parquet", "d/t/b.parquet"]).first)
        #expect(listed.restorable == 5 && listed.isProven)
        #expect(try findings(json, held: ["d/t/b.parquet"]).first?.restorable == nil)
    }

    @Test func `a gap in the log ends what can be restored`() throws {
        let log = ["\(Self.name(0)).json": Self.add("a.parquet"), "\(Self.name(2)).json": Self.add("a.parquet")]
        let found = try #require(try findings(log, held: ["d/t/a.parquet"]).first)
        #expect(found.restorable == 0 && found.why == "the log has no commit 1")
        #expect(try findings(["\(Self.name(0)).json": "{\n"], held: []).first?.restorable == nil)
    }

    @Test func `the root of a bucket may be a table`() throws {
        let found = try findings(["\(Self.name(0)).json": Self.add("a.parquet")], held: ["a.parquet"], root: "")
        #expect(found.first?.restorable == 0)
    }
}
