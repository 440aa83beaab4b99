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
        let text = Dictionary(uniqueKeysWithValues: log.map { (root + "_delta_log/" + $0.key, Array($0.value.utf8)) })
        let keys = (Array(text.keys) + held).sorted()
        return try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let writer = try ManifestWriter(try directory.createFile("m"))
            for key in keys {
                var row = Manifest.Row(
                    entry: Entry(
                        key: ByteString(key), kind: .file, size: Int64(text[key]?.count ?? 1),
                        modified: Timestamp(seconds: 0), mode: 0, uid: 0, gid: 0))
                row.object = "o/" + key
                try writer.write(row)
            }
            _ = try writer.finish()
            let source = BytesSource(try directory.readFile("m"), name: "m")
            return try DeltaCheck(bucket: "lake", scratch: directory) { () throws(Fault) in
                try ManifestReader(source)
            } read: { (object, range) throws(Fault) in
                Array(
                    (text[String(object.description.dropFirst(2))] ?? [])[Int(range.lowerBound)..<Int(range.upperBound)]
                )
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

    private static let parquet = "\(name(4)).checkpoint.parquet"

    @Test func `sums of a version that list its files stand for a checkpoint in Parquet`() throws {
        let sums = """
            {"tableSizeBytes":2,"numFiles":2,"allFiles":[{"path":"a.parquet","size":1},{"path":"b.parquet","size":1}]}
            """
        let log = [
            Self.parquet: "PAR1", "\(Self.name(4)).crc": sums,
            "\(Self.name(5)).json": Self.remove("b.parquet") + Self.add("c.parquet"),
        ]
        let whole = try #require(try findings(log, held: ["a", "b", "c"].map { "d/t/\($0).parquet" }).first)
        #expect(whole.restorable == 5 && whole.isProven && whole.why == nil && whole.unreadFiles == nil)
        // What a later commit has removed need not be there.
        let later = try #require(try findings(log, held: ["d/t/a.parquet", "d/t/c.parquet"]).first)
        #expect(later.restorable == 5 && later.isProven)
        let lost = try #require(try findings(log, held: ["d/t/b.parquet", "d/t/c.parquet"]).first)
        #expect(lost.restorable == nil && lost.lacking == ["d/t/a.parquet"])
        // A list that is not whole is none.
        let short = log.merging(["\(Self.name(4)).crc": sums.replacing("\"numFiles\":2", with: "\"numFiles\":3")]) {
            $1
        }
        let unread = try #require(
            try findings(short, held: ["a", "b", "c", "x"].map { "d/t/\($0).parquet" }).first)
        #expect(unread.restorable == 5 && !unread.isProven && unread.unreadFiles == 3 && unread.heldObjects == 4)
        #expect(unread.why == "the list of 3 files in checkpoint 4 is Parquet, which is not read here")
    }

    @Test func `fewer objects than a list has files are too few, and those of a table within it are not its own`()
        throws
    {
        let hint = "{\"version\":4,\"size\":3,\"numOfAddFiles\":3}"
        let log = [Self.parquet: "PAR1", "_last_checkpoint": hint]
        let found = try #require(
            try findings(log, held: ["d/t/a", "d/t/b", "d/t2/a", "d/u/a", "d/a"]).first)
        #expect(found.restorable == nil && found.heldObjects == 2)
        #expect(found.why == "the run holds 2 objects of the table, and its checkpoint lists 3 files")
        #expect(try findings(log, held: ["d/t/A", "d/t/b", "d/t/c=1/d"]).first?.restorable == 4)
        let nested = try findings(
            log, held: ["d/t/A", "d/t/b", "d/t/in/_delta_log/\(Self.parquet)", "d/t/in/x", "d/t/in/y"])
        #expect(nested.map(\.table) == ["d/t/", "d/t/in/"])
        #expect(nested[0].restorable == nil && nested[0].heldObjects == 2)
        #expect(nested[1].restorable == 4 && !nested[1].isProven)
        // A hint at another checkpoint says nothing of this one.
        let old = try #require(
            try findings([Self.parquet: "PAR1", "_last_checkpoint": hint.replacing("4", with: "3")], held: []).first)
        #expect(old.restorable == 4 && !old.isProven && old.unreadFiles == nil && old.heldObjects == nil)
    }

    @Test func `sidecars that JSON names are looked for, and all parts of a checkpoint`() throws {
        let hint = """
            {"version":4,"size":3,"v2Checkpoint":{"path":"x","sidecarFiles":[{"path":"s1.parquet"},{"path":"s2.parquet"}]}}
            """
        let checkpoint = "\(Self.name(4)).checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11"
        let sidecars = ["s1", "s2"].map { "_sidecars/\($0).parquet" }
        let log = [
            "\(checkpoint).parquet": "PAR1", "_last_checkpoint": hint, sidecars[0]: "PAR1", sidecars[1]: "PAR1",
        ]
        let whole = try #require(try findings(log, held: []).first)
        #expect(whole.restorable == 4 && !whole.isProven)
        #expect(whole.why?.contains("the 2 sidecars of checkpoint 4") ?? false)
        let lost = try #require(try findings(log.filter { $0.key != sidecars[1] }, held: []).first)
        #expect(lost.restorable == nil && lost.lacking == ["d/t/_delta_log/_sidecars/s2.parquet"])
        let list = "{\"sidecar\":{\"path\":\"s1.parquet\",\"sizeInBytes\":1}}\n"
        #expect(try findings(["\(checkpoint).json": list, sidecars[0]: "P"], held: []).first?.restorable == 4)
        #expect(try findings(["\(checkpoint).json": list], held: []).first?.restorable == nil)
        let parts = ["0000000001", "0000000002"].map { "\(Self.name(4)).checkpoint.\($0).0000000002.parquet" }
        let early = "\(Self.name(3)).json"
        #expect(try findings([parts[0]: "P", parts[1]: "P"], held: []).first?.restorable == 4)
        #expect(try findings([parts[0]: "P", early: ""], held: []).first?.restorable == nil)
    }

    @Test func `a version that nobody has reached costs nothing`() throws {
        let log = [
            "\(Self.name(0)).json": Self.add("a.parquet"), "09223372036854775806.json": Self.add("a.parquet"),
            "09223372036854775807.json": "", "00000000000000000001.checkpoint.0000000001.0000000000.parquet": "",
        ]
        let found = try #require(try findings(log, held: ["d/t/a.parquet"]).first)
        #expect(found.newest == 9_223_372_036_854_775_806 && found.restorable == 0)
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
