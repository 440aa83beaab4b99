import Codec
import Ledger
import Platform
import TestSupport
import Testing
import Vault

@testable import Warehouse

@Suite struct CandidateObjectsTests {
    private func object(_ key: ByteString, _ place: String = "data") -> StoredObjects.Object {
        StoredObjects.Object(
            key: key, object: ByteString("lake/\(place)/") + key, size: 1, created: Timestamp(seconds: 1),
            storageClass: "GLACIER")
    }

    private func manifest(_ directory: Directory, _ rows: [(ByteString, ByteString)]) throws -> FileSource {
        let name = ByteString("m\(RandomID.make())")
        let file = try directory.createFile(name)
        let writer = try ManifestWriter(file)
        for (key, object) in rows {
            var row = Manifest.Row(
                entry: Entry(
                    key: key, kind: .file, size: 1, modified: Timestamp(seconds: 1), mode: 0, uid: 0, gid: 0))
            row.entry.etag = "e"
            row.object = String(decoding: object.bytes, as: UTF8.self)
            try writer.write(row)
        }
        _ = try writer.finish()
        return try FileSource(try directory.openFile(name))
    }

    /// A table that no writer of ours makes.
    private func reversed(_ directory: Directory, _ keys: [String]) throws -> FileSource {
        let file = try directory.createFile("reversed")
        let gzip = try GzipWriter(file)
        var row = RowWriter()
        for key in ["key"] + keys {
            row.field(key)
            row.field(key == "key" ? "object" : "lake/data/" + key)
            row.endRow()
        }
        try gzip.write(&row)
        _ = try gzip.finish()
        return try FileSource(try directory.openFile("reversed"))
    }

    @Test("An object is needed by the manifests that name it, wherever its key lies")
    func marks() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let objects = try CandidateObjects(scratch: directory)
            var generation = object("d/b.g2")
            generation.key = "d/b"
            try objects.append(object("d/a"), [])
            try objects.append(generation, [])
            for key: ByteString in ["d/b\tc", "d/z"] { try objects.append(object(key), []) }
            try objects.append(object("d/z", "run/2026-03-01"), [])
            try objects.append(object("d/é"), [])
            try objects.finish()
            try objects.mark(
                try manifest(
                    directory,
                    [
                        ("d/0", "lake/data/d/0"), ("d/a", "lake/data/d/a"), ("d/b", "lake/data/d/b.g2"),
                        ("d/b\tc", "lake/data/d/b\tc"), ("d/z", "lake/run/2026-03-01/d/z"),
                    ].sorted { $0.0 < $1.0 }), [.kept, .known])
            #expect(!objects.areAllNeeded)
            try objects.mark(try manifest(directory, [("d/z", "lake/data/d/z"), ("d/é", "")]), .known)
            var found: [String: CandidateObjects.Marks] = [:]
            try objects.forEach { (object, marks) in found[object.object.description] = marks }
            #expect(found["lake/data/d/a"] == [.kept, .known])
            #expect(found["lake/data/d/b.g2"] == [.kept, .known], "a generation of its key")
            #expect(found[object("d/b\tc").object.description] == [.kept, .known])
            #expect(found["lake/data/d/z"] == .known)
            #expect(found["lake/run/2026-03-01/d/z"] == [.kept, .known])
            #expect(found["lake/data/d/é"] == [])
        }
    }

    @Test("What the newest manifest names another object for is replaced; a key that ends like a generation is not")
    func replaced() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let objects = try CandidateObjects(scratch: directory)
            func add(_ key: ByteString, _ place: ByteString, _ marks: CandidateObjects.Marks = .listed) throws {
                var one = object(key)
                one.object = "lake/" + place
                try objects.append(one, marks)
            }
            try add("d/a", "data/d/a")
            try add("d/a", "data/d/a.g2")
            try add("d/a", "long/2026-03-01/00")
            try add("d/a", "run/2026-03-02/d/a", [.listed, .departing])
            try add("d/b", "data/d/b")
            // The source has d/b.g2, too.
            try add("d/b", "data/d/b.g2")
            try add("d/c", "data/d/c")
            try objects.finish()
            let newest = try manifest(
                directory,
                [
                    ("d/a", "lake/run/2026-03-02/d/a"), ("d/b", "lake/data/d/b"), ("d/b.g2", "lake/data/d/b.g2"),
                    ("d/c", ""),
                ])
            try objects.mark(newest, [.kept, .known], isNewest: true)
            var dropped: [String] = []
            try objects.narrow { dropped.append($0.object.description) }
            #expect(dropped == ["lake/data/d/b", "lake/data/d/b.g2", "lake/data/d/c"])
            try objects.mark(
                try manifest(directory, [("d/a", "lake/data/d/a"), ("d/b", "lake/data/d/b")]), .known)
            var found: [String: CandidateObjects.Marks] = [:]
            try objects.forEach { (object, marks) in found[object.object.description] = marks }
            #expect(found["lake/data/d/a"] == [.listed, .replaced, .known])
            #expect(found["lake/data/d/a.g2"] == [.listed, .replaced])
            #expect(found["lake/long/2026-03-01/00"] == [.listed, .replaced])
            #expect(found["lake/run/2026-03-02/d/a"] == [.listed, .departing, .kept, .known])
            #expect(found.count == 4)
            #expect(try #require(found["lake/data/d/a"]).isNeeded == false)
            #expect(try #require(found["lake/run/2026-03-02/d/a"]).isNeeded)
        }
    }

    @Test("A manifest that is cut off or out of order tells nothing")
    func damaged() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let objects = try CandidateObjects(scratch: directory)
            try objects.append(object("d/a"), [])
            try objects.finish()
            let unsorted = try reversed(directory, ["d/b", "d/a"])
            try expectFault(.damaged) { try objects.mark(unsorted, .kept) }
            let whole = try manifest(directory, [("d/a", "lake/data/d/a")])
            var bytes: [UInt8] = []
            try whole.forEachPiece(length: whole.size, using: Buffer(capacity: 1 << 16)) { bytes += $0 }
            let cut = BytesSource(Array(bytes.dropLast(9)), name: "cut")
            try expectFault(.damaged) { try objects.mark(cut, .kept) }
        }
    }

    @Test(
        "Only objects under their own keys have one",
        arguments: [
            ("lake/data/d/a", "d/a"), ("lake/run/2026-03-01/d/a", "d/a"), ("lake/data//a", "/a"), ("lake/data/", nil),
            ("lake/data/d/a.g2", "d/a"), ("lake/run/2026-03-01/d/a.g12", "d/a"), ("lake/data/d/a.g", "d/a.g"),
            ("lake/data/d/a.g1234", "d/a.g1234"), ("lake/data/.g2", ".g2"), ("lake/run/2026-13-01/d/a", nil),
            ("lake/run/d/a", nil), ("lake/long/2026-03-01/00", nil),
            ("lake/_ledger/2026-03-01/d.manifest.1.tsv.gz", nil), ("other/data/a", nil),
        ] as [(String, String?)])
    func keys(_ object: String, _ key: String?) {
        #expect(StoredObjects.key(of: Array(object.utf8), job: "lake") == key.map { ByteString($0) })
    }

    @Test("A list is asked in the order of its keys, and read to its end")
    func listed() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let list = try manifest(directory, ["a", "b", "c"].map { (ByteString($0), ByteString("x")) })
            var told: [ByteString] = []
            let keys = try ListedKeys(list) { told.append($0) }
            #expect(try !keys.contains("0") && keys.contains("a") && keys.contains("a") && !keys.contains("aa"))
            try keys.finish()
            #expect(told == ["a", "b", "c"])
            #expect(try !ListedKeys(nil).contains("a"))
            let unsorted = try reversed(directory, ["b", "a"])
            try expectFault(.damaged) { try ListedKeys(unsorted).finish() }
        }
    }
}
