import Codec
import Ledger
import Platform
import Settings
import TestSupport
import Testing
import Warehouse

struct InventoryObjectsTests {
    private func lists(
        _ files: [InventoryObjects.File], atOnce: Int = 4, memory: Int = 1 << 20, _ settings: WarehouseSettings? = nil,
        into path: String
    ) throws -> DatabaseLists {
        let directory = try Directory.open(path)
        let objects = try InventoryObjects(files, atOnce: atOnce, scratch: directory, memory: memory)
        return try DatabaseLists(objects, settings ?? Inventories.settings, into: directory) { _ in true }
    }

    @Test("Published rows are read: the latest version of an object that is there, its key decoded")
    func published() throws {
        try withTemporaryDirectory { path in
            // They lack a storage class, which every configuration of a backup asks for.
            let rows = PublishedInventory.rows.split(separator: "\n").map { "\($0),\"STANDARD\"\n" }.joined()
            let files = try Inventories.files(
                [try gzipped(Array(rows.utf8))], schema: PublishedInventory.rowSchema + ", StorageClass",
                bucket: "dandiarchive")
            let lists = try lists(files, into: path)
            #expect(lists.databases.map(\.unit) == ["dandiarchive", "zarr"])
            let link = try #require(try Inventories.entries("dandiarchive", path).first)
            #expect(link.entry.key == "dandiarchive/dandiarchive/hive/dt=2024-05-07-01-00/symlink.txt")
            #expect(link.entry.size == 38_129)
            #expect(link.entry.etag == "f58c1f0e5fb20a9152788f825375884a")
            #expect(link.entry.version == "t4Z7kT9kjxMNtJZsUm1SEQGpoCLGLRxM")
            #expect(link.entry.modified.rfc3339 == "2024-05-07T21:12:55Z")
            let zarr = try Inventories.entries("zarr", path)
            #expect(zarr.map(\.entry.version) == ["nuYD8l5blCvLV3DbAiN1IXuwo7aF3F98"])
        }
    }

    @Test("What is deleted, and what a newer version replaces, is no object")
    func versions() throws {
        try withTemporaryDirectory { path in
            let schema = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"
            let rows = """
                "lake","db/a","v2","true","true","","2026-01-01T00:00:00.000Z","",""
                "lake","db/a","v1","false","false","5","2026-01-01T00:00:00.000Z","aa","STANDARD"
                "lake","db/b","","true","false","7","2026-01-01T00:00:00.000Z","bb","STANDARD"

                """
            let lists = try lists(try Inventories.files([try gzipped(Array(rows.utf8))], schema: schema), into: path)
            #expect(lists.databases.map(\.objects) == [1])
            let entries = try Inventories.entries("db", path)
            #expect(entries.map(\.entry.key) == ["db/b"])
            #expect(entries.map(\.entry.version) == [""])
        }
    }

    @Test("Objects are sorted by key over all files and runs, one list for each database, in little memory")
    func sorting() throws {
        try withTemporaryDirectory { path in
            var random = SplitMix64(seed: 7)
            let databases = ["a", "a-b", "a.b", "b", "tmp"]
            let expected = (0..<20_000).map { "\(databases[$0 % 5])/t/\(String($0 &* 7_919 % 20_000, radix: 36))" }
            let shuffled = expected.shuffled(using: &random)
            let parts = stride(from: 0, to: shuffled.count, by: 3_000).map { start in
                shuffled[start..<min(start + 3_000, shuffled.count)].map { Inventories.row($0, size: 2) }.joined()
            }
            let files = try Inventories.files(try parts.map { try gzipped(Array($0.utf8)) })
            var settings = Inventories.settings
            settings.exclude = ["tmp*"]
            // Far less than the objects have.
            let lists = try lists(files, atOnce: 3, memory: 200_000, settings, into: path)
            #expect(lists.databases.map(\.unit).sorted() == ["a", "a-b", "a.b", "b"])
            #expect(lists.excluded == 4_000)
            for database in lists.databases {
                #expect(database.objects == 4_000 && database.bytes == 8_000)
                let keys = try Inventories.entries(database.unit, path).map(\.entry.key)
                let own = expected.filter { $0.hasPrefix("\(database.unit)/") }.map { ByteString($0) }
                #expect(keys == own.sorted())
            }
        }
    }

    @Test("A file of several members is read to its end, and one without rows is one, too")
    func members() throws {
        try withTemporaryDirectory { path in
            let text = try gzipped(Array(Inventories.row("db/a").utf8)) + gzipped(Array(Inventories.row("db/b").utf8))
            let lists = try lists(try Inventories.files([text, try gzipped([])]), into: path)
            #expect(lists.databases.map(\.objects) == [2])
        }
    }

    @Test("A key that is listed twice is told as it was modified last")
    func twice() throws {
        try withTemporaryDirectory { path in
            let one = Inventories.row("db/a", etag: "old", modified: "2026-03-31T10:00:00.000Z")
            let two = Inventories.row("db/a", etag: "new", modified: "2026-03-31T11:00:00.000Z")
            for texts in [[one, two], [two, one]] {
                let lists = try lists(try Inventories.files(try texts.map { try gzipped(Array($0.utf8)) }), into: path)
                #expect(lists.databases.map(\.objects) == [1])
                #expect(try Inventories.entries("db", path).map(\.entry.etag) == ["new"])
            }
        }
    }

    @Test("What is in no database is counted, and archive tiers are told from others")
    func outside() throws {
        try withTemporaryDirectory { path in
            let rows = [
                "\"lake\",\"top\",\"1\",\"2026-03-31T00:00:00.000Z\",\"aa\",\"STANDARD\",\"\"\n",
                "\"lake\",\"db/f\",\"1\",\"2026-03-31T00:00:00.000Z\",\"aa\",\"INTELLIGENT_TIERING\",\"FREQUENT\"\n",
                "\"lake\",\"db/a\",\"4\",\"2026-03-31T00:00:00.000Z\",\"aa\",\"INTELLIGENT_TIERING\",\"DEEP_ARCHIVE\"\n",
                "\"lake\",\"%2Fdb/a\",\"1\",\"2026-03-31T00:00:00.000Z\",\"aa\",\"STANDARD\",\"\"\n",
            ].joined()
            let files = try Inventories.files(
                [try gzipped(Array(rows.utf8))], schema: Inventories.schema + ", IntelligentTieringAccessTier")
            let lists = try lists(files, into: path)
            #expect(lists.outside == 2)
            #expect(lists.databases.first?.classes["INTELLIGENT_TIERING"]?.objects == 1)
            #expect(lists.databases.first?.classes["INTELLIGENT_TIERING:ARCHIVE"]?.bytes == 4)
            #expect(
                try Inventories.entries("db", path).map(\.manifest.storageClass)
                    == ["INTELLIGENT_TIERING:ARCHIVE", "INTELLIGENT_TIERING"])
        }
    }

    @Test(
        "Every kind of key comes through",
        arguments: [
            ("db/a+b", "db/a b"), ("db/a%2Bb", "db/a+b"), ("db/a%25b", "db/a%b"), ("db/a%252Bb", "db/a%2Bb"),
            ("db/a%26b%3Dc%23d%3Fe", "db/a&b=c#d?e"), ("db/a%0Ab", "db/a\nb"), ("db//a", "db//a"), ("db/%5Ca", "db/\\a"),
            ("db/%C3%BC%F0%9F%98%80", "db/\u{FC}\u{1F600}"), ("db/%22q%22", "db/\"q\""), ("db/\"\"q\"\"", "db/\"q\""),
            ("db/%09", "db/\t"), ("db/" + String(repeating: "%C3%BC", count: 510) + "x", "db/" + String(repeating: "\u{FC}", count: 510) + "x"),
        ])
    func keys(encoded: String, key: String) throws {
        try withTemporaryDirectory { path in
            let files = try Inventories.files([try gzipped(Array(Inventories.row(encoded).utf8))])
            _ = try lists(files, into: path)
            #expect(try Inventories.entries("db", path).map(\.entry.key) == [ByteString(key)])
        }
    }

    // MARK: Torn inventories

    @Test("A file that is changed, cut or longer in any place fails the whole inventory")
    func damage() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let whole = try gzipped(Array((0..<500).map { Inventories.row("db/\($0)") }.joined().utf8))
            var cases: [[UInt8]] = stride(from: 1, to: whole.count, by: whole.count / 60).map { Array(whole[..<$0]) }
            for place in stride(from: 0, to: whole.count, by: whole.count / 60) {
                var other = whole
                other[place] ^= 0x10
                cases.append(other)
            }
            cases += [whole + [0], whole + whole, []]
            for bytes in cases {
                let files = try Inventories.files([whole]) { _ in bytes }
                try expectFault(.damaged, "data/0.csv.gz", about: "\(bytes.count) bytes") {
                    try InventoryObjects(files, atOnce: 2, scratch: directory)
                }
            }
        }
    }

    @Test(
        "A row that can't be is refused with its number",
        arguments: [
            ("\"lake\",\"db/a\"\n", "row 2: has 2 fields, and the schema 6"),
            (Inventories.row("db/a").replacing("\n", with: ",\"x\"\n"), "row 2: has 7 fields"),
            (Inventories.row("db/a").replacing("lake", with: "other"), "row 2: is of bucket 'other'"),
            (Inventories.row(""), "has no key"), (Inventories.row("db/%zz"), "broken escape"),
            (Inventories.row("db/" + String(repeating: "x", count: 1_022)), "more than 1024 bytes"),
            (Inventories.row("db/a").replacing("\"1\"", with: "\"-1\""), "has no size"),
            (Inventories.row("db/a").replacing("\"1\"", with: "\"\""), "has no size"),
            (Inventories.row("db/a", modified: "yesterday"), "has no time"),
            (Inventories.row("db/a", modified: "2026-02-30T00:00:00.000Z"), "has no time"),
            (Inventories.row("db/a", etag: ""), "has no ETag"), (Inventories.row("db/a", etag: "a:b"), "has no ETag"),
            ("\"lake\",\"db/a", "row 2: the last row is cut off"), ("\"lake\"x,\n", "behind a quoted field"),
            (Inventories.row("db/a", storageClass: ""), "has no storage class"),
        ])
    func rows(row: String, words: String) throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let text = Inventories.row("db/first") + row
            let files = try Inventories.files([try gzipped(Array(text.utf8))])
            try expectFault(.damaged, words) { try InventoryObjects(files, atOnce: 1, scratch: directory) }
        }
    }

    @Test("Unquoted fields and other line ends are CSV, too")
    func csv() throws {
        try withTemporaryDirectory { path in
            let text =
                "lake,db/a,1,2026-03-31T23:59:59.000Z,aa,STANDARD\r\n"
                + "\"lake\",\"db/b\",\"1\",\"2026-03-31T23:59:59.000Z\",\"aa\",\"STANDARD\"\r\n"
                + "lake,db/c,1,2026-03-31T23:59:59Z,aa,STANDARD"
            let lists = try lists(try Inventories.files([try gzipped(Array(text.utf8))]), into: path)
            #expect(lists.databases.map(\.objects) == [3])
        }
    }
}
