import Codec
import HTTP
import Ledger
import Platform
import Settings
import TestSupport
import Testing
import Warehouse

struct DatabasePlanTests {
    /// A database over several runs: objects by key, with ETag and class.
    private struct World {
        let path: String
        var settings = Inventories.settings
        var schema = Inventories.schema
        var directory: Directory { get throws { try Directory.open(path) } }

        func list(_ rows: [String]) throws -> FileSource {
            let files = try Inventories.files([try gzipped(Array(rows.joined().utf8))], schema: schema)
            let objects = try InventoryObjects(files, atOnce: 1, scratch: try directory)
            _ = try DatabaseLists(objects, settings, into: try directory) { _ in true }
            return try FileSource(try directory.openFile("db.entries.tsv.gz"))
        }

        func plan(_ rows: [String], held: FileSource?, run: String = "2026-04-02") throws -> DatabasePlan {
            let date = try #require(CivilDate(run))
            return try DatabasePlan(
                unit: "db", list: try list(rows), held: held, settings: settings, run: date,
                keys: DestinationKeys(job: "lake", run: date, prefix: "v/"), storageClass: "DEEP_ARCHIVE",
                maxVanished: 0.1)
        }

        func write(
            _ rows: [String], held: FileSource? = nil, run: String = "2026-04-02", files: Int = 1
        ) throws -> DatabasePlan.Files {
            try plan(rows, held: held, run: run).write(
                into: try directory, place: "pack/", inventoryFiles: files, hasVersions: false, bytes: { "\($0)" })
        }

        func manifest() throws -> [Manifest.Row] {
            let reader = try ManifestReader(try FileSource(try directory.openFile("db.manifest.tsv.gz")))
            var rows: [Manifest.Row] = []
            while let row = try reader.next() { rows.append(row) }
            return rows
        }

        /// The manifest, moved to where the next plan finds it.
        func held(_ name: ByteString = "held.tsv.gz") throws -> FileSource {
            try directory.rename("db.manifest.tsv.gz", to: name)
            return try FileSource(try directory.openFile(name))
        }

        func text(_ name: ByteString) throws -> String? {
            guard try directory.exists(name) else { return nil }
            return String(decoding: try directory.readFile(name), as: UTF8.self)
        }
    }

    private func row(_ key: String, _ etag: String = "aa", size: Int = 1, _ storageClass: String = "STANDARD") -> String
    {
        Inventories.row(key, size: size, etag: etag, storageClass: storageClass)
    }

    @Test("A first run takes all, and writes the manifest, the lists for S3 Batch Operations, and their digests")
    func first() throws {
        try withTemporaryDirectory { path in
            var world = World(path: path)
            world.settings.maxSkipped = 0.5
            let files = try world.write([
                row("db/t/_delta_log/0.json", "l0", size: 2), row("db/t/a+b%2B.parquet", "aa", size: 3),
                row("db/t/big", "bb", size: 5_000_000_001), row("db/t/cold", "cc", size: 0, "GLACIER"),
            ])
            #expect(files.totals.taken.objects == 2 && files.totals.logs.bytes == 2)
            #expect(files.totals.skipped.keys.sorted() == ["GLACIER"])
            #expect(files.route == .direct)
            let rows = try world.manifest()
            #expect(
                rows.map(\.object) == [
                    "lake/run/2026-04-02/db/t/_delta_log/0.json", "lake/data/db/t/a b+.parquet", "lake/data/db/t/big",
                    "",
                ])
            #expect(rows.map(\.storageClass) == ["STANDARD", "DEEP_ARCHIVE", "DEEP_ARCHIVE", ""])
            #expect(rows.map(\.run) == ["2026-04-02", "2026-04-02", "2026-04-02", ""])
            #expect(rows.map(\.entry.etag) == ["l0", "aa", "bb", "cc"])
            #expect(rows.map(\.tenant) == ["db", "db", "db", "db"])
            #expect(rows.last?.flags.contains(.skipped) ?? false)
            #expect(rows.last?.reason == "class:GLACIER")
            // What is over 5 GB no job of Batch Operations copies.
            #expect(try world.text("db.data.csv") == "lake,db/t/a%20b%2B.parquet\n")
            #expect(try world.text("db.logs.csv") == "lake,db/t/_delta_log/0.json\n")
            #expect(
                files.outputs.map(\.path) == [
                    "pack/db.manifest.tsv.gz", "pack/db.data.csv", "pack/db.logs.csv", "pack/db.manifest.tsv.gz.sha256",
                    "pack/db.data.csv.sha256", "pack/db.logs.csv.sha256",
                ])
            let check = try runBlocking(
                ["sh", "-c", "cd \"$1\" && exec sha256sum -c *.sha256", "sh", path])
            #expect(check.status == 0, "\(check)")
            let names = try world.directory.names()
            #expect(names.allSatisfy { !$0.description.hasPrefix(".") })
        }
    }

    @Test("A later run carries what is held, takes what is new or changed and every log, and tells what has vanished")
    func incremental() throws {
        try withTemporaryDirectory { path in
            var world = World(path: path)
            world.settings.maxSkipped = 0.5
            _ = try world.write(
                [
                    row("db/t/_delta_log/0.json", "l0"), row("db/t/a", "aa"), row("db/t/b", "bb"),
                    row("db/t/c", "cc", "GLACIER"), row("db/t/d", "dd"), row("db/t/e", "ee"),
                ], run: "2026-04-01")
            let held = try world.held()
            let files = try world.write(
                [
                    row("db/t/_delta_log/0.json", "l0"), row("db/t/a", "aa"), row("db/t/b", "b2"), row("db/t/c", "cc"),
                    // Its class has changed since, and it is held all the same.
                    row("db/t/d", "dd", "DEEP_ARCHIVE"), row("db/t/f", "ff"),
                ], held: held)
            let totals = files.totals
            #expect(totals.taken.objects == 3 && totals.logs.objects == 1 && totals.carried.objects == 2)
            #expect(totals.vanished.objects == 1 && totals.allSkipped.objects == 0 && totals.replaced == 2)
            let rows = try world.manifest()
            #expect(
                rows.map { "\($0.entry.key) \($0.run) \($0.object)" } == [
                    "db/t/_delta_log/0.json 2026-04-02 lake/run/2026-04-02/db/t/_delta_log/0.json",
                    "db/t/a 2026-04-01 lake/data/db/t/a", "db/t/b 2026-04-02 lake/run/2026-04-02/db/t/b",
                    "db/t/c 2026-04-02 lake/data/db/t/c", "db/t/d 2026-04-01 lake/data/db/t/d",
                    "db/t/f 2026-04-02 lake/data/db/t/f",
                ])
            // The copy of a changed key has another name than prefix and key of the list.
            #expect(try world.text("db.data.csv") == "lake,db/t/c\nlake,db/t/f\n")
            // The same again takes nothing but logs.
            let again = try world.write(
                [
                    row("db/t/_delta_log/0.json", "l0"), row("db/t/a", "aa"), row("db/t/b", "b2"), row("db/t/c", "cc"),
                    row("db/t/d", "dd", "DEEP_ARCHIVE"), row("db/t/f", "ff"),
                ], held: try world.held("held2.tsv.gz"), run: "2026-04-03")
            #expect(again.totals.taken.objects == 0 && again.totals.carried.objects == 5)
            #expect(try world.text("db.data.csv") == nil)
        }
    }

    @Test("An inventory that begins to list versions makes nothing new")
    func versions() throws {
        try withTemporaryDirectory { path in
            var world = World(path: path)
            _ = try world.write([row("db/t/a", "aa"), row("db/t/b", "bb")], run: "2026-04-01")
            world.schema =
                "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"
            func versioned(_ key: String, _ etag: String) -> String {
                "\"lake\",\"\(key)\",\"v1\",\"true\",\"false\",\"1\",\"2026-03-31T23:59:59.000Z\",\"\(etag)\",\"STANDARD\"\n"
            }
            let rows = [versioned("db/t/a", "aa"), versioned("db/t/b", "b2")]
            let totals = try world.write(rows, held: try world.held()).totals
            #expect(totals.carried.objects == 1 && totals.taken.objects == 1)
            world.schema = Inventories.schema
            let back = try world.write(
                [row("db/t/a", "aa"), row("db/t/b", "b2")], held: try world.held("h2"), run: "2026-04-03")
            #expect(back.totals.carried.objects == 2 && back.totals.taken.objects == 0)
        }
    }

    @Test("Plan and files are the same on every machine and in every order of reading")
    func pure() throws {
        try withTemporaryDirectory { path in
            let world = World(path: path)
            let rows = (0..<300).map { row("db/\($0 % 7)/\($0)", "e\($0)") }
            let one = try world.write(rows)
            let two = try world.write(rows.reversed())
            #expect(one.outputs == two.outputs)
            #expect(try world.plan(rows, held: nil).run() == one.totals)
        }
    }

    @Test("With mode full all is taken")
    func full() throws {
        try withTemporaryDirectory { path in
            var world = World(path: path)
            _ = try world.write([row("db/a"), row("db/b")], run: "2026-04-01")
            let held = try world.held()
            world.settings.mode = .full
            let files = try world.write([row("db/a"), row("db/b")], held: held)
            #expect(files.totals.taken.objects == 2 && files.totals.carried.objects == 0)
            #expect(try world.text("db.data.csv") == "lake,db/a\nlake,db/b\n")
        }
    }

    @Test("More than 'max_skipped' left out, by objects or by bytes, fails the database, and leaves nothing")
    func skipped() throws {
        try withTemporaryDirectory { path in
            var world = World(path: path)
            world.settings.maxSkipped = 0.5
            _ = try world.write([row("db/a", size: 1), row("db/b", size: 1, "GLACIER")])
            for rows in [
                [row("db/a", size: 1), row("db/b", size: 2, "GLACIER")],
                [row("db/a", size: 9), row("db/b", size: 1, "GLACIER"), row("db/c", size: 1, "DEEP_ARCHIVE")],
            ] {
                let fault = try expectFault(.limit, "more than 50%") { try world.write(rows) }
                #expect(fault.message.contains("GLACIER 1 ("))
                #expect(try world.text("db.manifest.tsv.gz") == nil)
            }
        }
    }

    @Test("A DROP raises the alarm: of a part of the database, and of a whole table")
    func alarms() throws {
        try withTemporaryDirectory { path in
            let world = World(path: path)
            let first = (0..<40).map { row("db/t\($0 % 20)/\($0)") }
            _ = try world.write(first, run: "2026-04-01")
            let held = try world.held()
            func warnings(_ rows: [String]) throws -> [String] {
                let plan = try world.plan(rows, held: held)
                return plan.warnings(try plan.run())
            }
            #expect(try warnings(first).isEmpty)
            #expect(try warnings(Array(first.dropLast())).isEmpty)
            let table = try warnings(first.filter { !$0.contains("db/t3/") })
            #expect(table.count == 1 && table[0].hasPrefix("alarm: all of 't3', 2 objects"))
            let most = try warnings(Array(first.prefix(35)))
            #expect(most.count == 1 && most[0].hasPrefix("alarm: 5 of 40 objects are gone"))
        }
    }

    @Test("Logs that are left out for their class are told")
    func logs() throws {
        try withTemporaryDirectory { path in
            var world = World(path: path)
            world.settings.maxSkipped = 1
            let plan = try world.plan(
                [row("db/_delta_log/0.json", "GLACIER"), row("db/t/_delta_log/1", "a", "GLACIER")], held: nil)
            let warnings = plan.warnings(try plan.run())
            #expect(warnings.count == 1 && warnings[0].contains("log objects are left out"))
        }
    }

    @Test("The route is Batch Operations where it is set up, and there are many objects or files")
    func route() throws {
        try withTemporaryDirectory { path in
            var world = World(path: path)
            let rows = [row("db/a"), row("db/b"), row("db/c")]
            var routes: [CopyRoute] = []
            world.settings.route.objects = 2
            routes.append(try world.write(rows).route)
            world.settings.batch = .init(account: "222222222222", roleARN: "arn:aws:iam::222222222222:role/b")
            routes.append(try world.write(rows).route)
            world.settings.route.objects = 3
            routes.append(try world.write(rows).route)
            world.settings.route.inventoryFiles = 25
            routes.append(try world.write(rows, files: 25).route)
            routes.append(try world.write(rows, files: 26).route)
            #expect(routes == [.direct, .batch, .direct, .direct, .batch])
        }
    }

    @Test("Every kind of key comes through all encodings: inventory, manifest, Batch Operations, copy source")
    func keys() throws {
        try withTemporaryDirectory { path in
            let world = World(path: path)
            let long = String(repeating: "x", count: 1_024 - 3)
            let plain = [
                "db/ ", "db/+", "db/%", "db/%2B", "db/&=#?", "db/\n", "db//a", "db/\\t", "db/\u{7F}\u{1}", "db/\u{FC}",
                "db/\u{1F600}", "db/\"", "db/a,b", "db/\(long)",
            ]
            let sorted = plain.map { ByteString($0) }.sorted()
            let form = plain.map { key in
                Array(key.utf8).map { byte -> String in
                    switch byte {
                    case 0x20: "+"
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2F, 0x2D, 0x2E, 0x5F: String(UnicodeScalar(byte))
                    default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
                    }
                }.joined()
            }
            _ = try world.write(form.shuffled().map { row($0) })
            let rows = try world.manifest()
            #expect(rows.map(\.entry.key) == sorted)
            for row in rows where row.entry.key.count < 1_000 {
                #expect(ByteString(row.object) == "lake/data/" + row.entry.key)
            }
            // It has no room for a prefix.
            let last = try #require(rows.last { $0.entry.key.count == 1_024 })
            #expect(last.object.hasPrefix("lake/long/2026-04-02/"))
            let lines = try #require(try world.text("db.data.csv")).split(separator: "\n")
            let decoded = lines.compactMap { PercentEncoding.decode(String($0.dropFirst("lake,".count))) }
            #expect(decoded.map { ByteString(bytes: $0) } == sorted.filter { $0.count < 1_000 })
            #expect(lines.allSatisfy { !$0.dropFirst(5).contains("+") && !$0.dropFirst(5).contains(",") })
            // The same keys again are all held: what is escaped in one table is found in the other.
            let again = try world.plan(form.map { row($0) }, held: try world.held()).run()
            #expect(again.carried.objects == Int64(plain.count) && again.vanished.objects == 0)
        }
    }

    @Test("A table that is not in order is refused: it would make what is held look gone")
    func order() throws {
        try withTemporaryDirectory { path in
            let world = World(path: path)
            let directory = try world.directory
            for keys in [["db/b", "db/a"], ["db/a", "db/a"]] {
                let file = try directory.createFile("wrong.tsv.gz")
                let gzip = try GzipWriter(file)
                var row = RowWriter()
                for column in ["key", "size", "identity", "run", "object"] { row.field(column) }
                row.endRow()
                for key in keys {
                    row.field(key)
                    row.field(Int64(1))
                    for text in ["etag:aa", "2026-04-01", "lake/data/\(key)"] { row.field(text) }
                    row.endRow()
                }
                try gzip.write(&row)
                _ = try gzip.finish()
                let held = try FileSource(try directory.openFile("wrong.tsv.gz"))
                try expectFault(.damaged, "wrong.tsv.gz:3: the key is not greater") {
                    try world.plan([self.row("db/c")], held: held).run()
                }
            }
        }
    }
}
