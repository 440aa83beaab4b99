import Codec
import Ledger
import Platform
import TestSupport
import Testing
import Vault

@testable import Warehouse

@Suite struct GoneObjectsTests {
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
            let gone = try GoneObjects(scratch: directory)
            let keys: [ByteString] = ["d/a", "d/b\tc", "d/b.g2", "d/z"]
            for key in keys { try gone.append(object(key), []) }
            try gone.append(object("d/z", "run/2026-03-01"), [])
            try gone.append(object("d/é"), [])
            try gone.finish()
            try gone.mark(
                try manifest(
                    directory,
                    [
                        ("d/0", "lake/data/d/0"), ("d/a", "lake/data/d/a"), ("d/b", "lake/data/d/b.g2"),
                        ("d/b\tc", "lake/data/d/b\tc"), ("d/z", "lake/run/2026-03-01/d/z"),
                    ].sorted { $0.0 < $1.0 }), [.kept, .known])
            #expect(!gone.areAllNeeded)
            try gone.mark(try manifest(directory, [("d/z", "lake/data/d/z"), ("d/é", "")]), .known)
            var found: [String: GoneObjects.Marks] = [:]
            try gone.forEach { (object, marks) in found[object.object.description] = marks }
            #expect(found["lake/data/d/a"] == [.kept, .known])
            #expect(found["lake/data/d/b.g2"] == [.kept, .known], "named under another key")
            #expect(found[object("d/b\tc").object.description] == [.kept, .known])
            #expect(found["lake/data/d/z"] == .known)
            #expect(found["lake/run/2026-03-01/d/z"] == [.kept, .known])
            #expect(found["lake/data/d/é"] == [])
        }
    }

    @Test("A manifest that is cut off or out of order tells nothing")
    func damaged() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let gone = try GoneObjects(scratch: directory)
            try gone.append(object("d/a"), [])
            try gone.finish()
            let unsorted = try reversed(directory, ["d/b", "d/a"])
            try expectFault(.damaged) { try gone.mark(unsorted, .kept) }
            let whole = try manifest(directory, [("d/a", "lake/data/d/a")])
            var bytes: [UInt8] = []
            try whole.forEachPiece(length: whole.size, using: Buffer(capacity: 1 << 16)) { bytes += $0 }
            let cut = BytesSource(Array(bytes.dropLast(9)), name: "cut")
            try expectFault(.damaged) { try gone.mark(cut, .kept) }
        }
    }

    @Test(
        "Only objects under their own keys have one",
        arguments: [
            ("lake/data/d/a", "d/a"), ("lake/run/2026-03-01/d/a", "d/a"), ("lake/data//a", "/a"), ("lake/data/", nil),
            ("lake/run/2026-13-01/d/a", nil), ("lake/run/d/a", nil), ("lake/long/2026-03-01/00", nil),
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
