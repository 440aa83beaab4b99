import AWS
import Codec
import Glibc
import HTTP
import Platform
import TestSupport
import Testing

extension ServerTests {
    /// Nights of a warehouse: inventory, plan, copies inside the store, and the way back.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct LakeTests {
        private static let oddKeys: [ByteString] = [
            "odd/a b", "odd/+", "odd/%", "odd/%2B", "odd/&", "odd/=", "odd/#", "odd/?", "odd/line\nfeed", "odd//twice",
            "odd/é/日本", "odd/" + ByteString(String(repeating: "k", count: 1_020)),
        ]

        private static func key(_ database: Int, _ number: Int) -> ByteString {
            ByteString("db\(database < 10 ? "0" : "")\(database)/t/part-\(number).parquet")
        }

        @Test("40 databases are copied; the second run copies what changed, and logs", .timeLimit(.minutes(15)))
        func nights() async throws {
            let lake = try await LakeWorld(["max_skipped = \"100%\"", "log_class = \"STANDARD\""])
            var objects: [(ByteString, [UInt8])] = []
            for database in 0..<40 {
                for number in 0..<128 {
                    objects.append((Self.key(database, number), Array("\(database) \(number)".utf8)))
                }
                objects.append((ByteString("db\(database < 10 ? "0" : "")\(database)/t/_delta_log/00.json"), [1]))
            }
            try await lake.fill(objects)
            try await lake.inventory("2026-03-02", archived: 194_840)
            for program in [Program.collect, .pack] { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
            let planned = try await lake.expect(.ship, ["lake", "--dry-run"])
            #expect(planned.output.contains("would be copied"))

            // Killed on its way, twice, it loses what was on its way at most.
            for seconds in ["3", "5"] {
                _ = try await lake(
                    .ship, ["lake", "--run", "2026-03-01"], through: ["timeout", "-s", "KILL", seconds])
            }
            // The store still ends the copies that it was asked for.
            try await Task.sleep(nanoseconds: 5_000_000_000)
            let before = try await lake.objects(lake.vault, "v/lake/data/")
            try await lake.expect(.ship, ["lake", "--run", "2026-03-01"])
            let after = try await lake.objects(lake.vault, "v/lake/data/")
            #expect(after.count == 40 * 128)
            for (key, object) in before { #expect(after[key]?.modified == object.modified, "\(key) was copied twice") }
            #expect(try await lake.objects(lake.vault, "v/lake/run/2026-03-01/").count == 40)
            #expect(try await lake.objects(lake.vault, "v/lake/_ledger/2026-03-01/").count == 80)
            try await lake.expect(.ship, ["lake"])
            #expect(try await lake.objects(lake.vault, "v/lake/data/").count == 40 * 128)

            // The next night: 5 are new, 3 have changed, 2 are gone.
            try await lake.fill(
                (0..<5).map { (Self.key($0, 500), [5]) } + (5..<8).map { (Self.key($0, 0), Array("changed".utf8)) })
            try await lake.delete(lake.source, [Self.key(8, 1), Self.key(8, 2)])
            try await lake.inventory("2026-03-03", archived: 194_840)
            for program in Program.allCases { try await lake.expect(program, ["lake", "--run", "2026-03-02"]) }
            let second = try await lake.objects(lake.vault, "v/lake/data/")
            #expect(second.count == 40 * 128 + 5)
            for (key, object) in after { #expect(second[key]?.modified == object.modified, "\(key)") }
            let run = try await lake.objects(lake.vault, "v/lake/run/2026-03-02/")
            #expect(run.count == 40 + 3)
            try await lake.expect(.ship, ["verify", "lake", "--run", "2026-03-02"])
            let report = try await lake.expect(.ship, ["report", "lake", "--run", "2026-03-02"])
            #expect(report.output.contains("class:DEEP_ARCHIVE"), "\(report.output.prefix(2_000))")
            let line = report.lines.last ?? ""
            #expect(line.contains("(all)") && line.contains(" 48 "), "\(line)")
        }

        @Test("Odd keys come back; what is gone, changed or taken is told", .timeLimit(.minutes(10)))
        func oddities() async throws {
            let lake = try await LakeWorld()
            try await lake.fill(Self.oddKeys.map { ($0, $0.bytes) })
            try await lake.fill([("odd/gone", [1]), ("odd/changed", [1])])
            try await lake.inventory("2026-03-02")
            for program in [Program.collect, .pack] { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
            try await lake.delete(lake.source, ["odd/gone"])
            try await lake.fill([("odd/changed", [2])])
            try await onOwnThread { try lake.put(lake.vault, "v/lake/data/odd/+", [9, 9]) }
            let shipped = try await lake.expect(.ship, ["lake"], status: 3)
            #expect(shipped.errors.contains("1 vanished, 1 changed"), "\(shipped)")
            #expect(shipped.errors.contains("has changed since the inventory"), "\(shipped)")
            let copies = try await lake.objects(lake.vault, "v/lake/")
            #expect(copies["v/lake/data/odd/+.g2"] != nil)
            #expect(copies.keys.contains { $0.hasPrefix("v/lake/long/2026-03-01/") })

            let before = try await lake.objects(lake.source)
            try await lake.delete(lake.source, Self.oddKeys)
            try await lake.expect(.ship, ["restore", "lake", "--run", "2026-03-01", "--to", "source"])
            let back = try await lake.objects(lake.source)
            for key in Self.oddKeys { #expect(back[key]?.etag == before[key]?.etag, "\(key)") }
            let again = try await lake.expect(.ship, ["restore", "lake", "--run", "2026-03-01", "--to", "source"])
            #expect(again.output.contains("0 restored") && again.output.contains("were there already"), "\(again)")
            try await lake.expect(
                .ship,
                ["restore", "lake", "odd/a b", "--run", "2026-03-01", "--to", "s3://\(lake.inventories.bucket)/b"])
            #expect(try await lake.objects(lake.inventories, "b/").keys.sorted() == ["b/odd/a b"])
        }

        @Test(
            "A Delta table comes back with its rows", .timeLimit(.minutes(10)),
            .enabled(if: access(Repository.python, X_OK) == 0, "needs make deps-test"))
        func deltaTable() async throws {
            let lake = try await LakeWorld()
            _ = try await lake.python(
                """
                from arro3.core import Array, DataType, Table
                from deltalake import DeltaTable, write_deltalake
                place = f's3://{bucket}/sales/orders'
                for part in range(3):
                    write_deltalake(place, Table.from_pydict({
                        'id': Array(list(range(part * 100, part * 100 + 100)), DataType.int64()),
                        'name': Array(['x y'] * 100, DataType.string()),
                        'day': Array([f'2026 {part}'] * 100, DataType.string())}), mode='append', partition_by=['day'])
                DeltaTable(place).delete('id % 2 = 0')
                """)
            try await lake.inventory("2026-03-02")
            for program in Program.allCases { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
            let check = try await lake.expect(.ship, ["restore", "lake", "--run", "2026-03-01", "--check-delta"])
            #expect(check.output.contains("sales/orders/") && check.output.contains(" 3"), "\(check)")
            try await lake.delete(lake.source, Array(try await lake.objects(lake.source).keys))
            let back = try await lake.expect(
                .ship, ["restore", "lake", "sales/orders", "--run", "2026-03-01", "--to", "source"])
            #expect(back.output.contains("restored to source"), "\(back)")
            let read = try await lake.python(
                """
                from deltalake import DeltaTable, QueryBuilder
                table = DeltaTable(f's3://{bucket}/sales/orders')
                rows = QueryBuilder().register('t', table).execute('select id, name from t order by id').read_all()
                ids = [one.as_py() for one in rows.column('id')]
                print(table.version(), ids == list(range(1, 300, 2)))
                """)
            #expect(read.output == "3 True\n", "\(read)")
        }

        @Test(
            "S3 Batch Operations copies content, then logs; what its job can't is copied here", .timeLimit(.minutes(10))
        )
        func batch() async throws {
            let service = Monitor<BatchOperations?>(nil)
            let server = try S3ControlServer { job in
                guard let service = service.with({ $0 }) else { throw Fault(.usage, "not yet") }
                return try service.perform(job, failing: ["odd/&"])
            }
            let lake = try await LakeWorld([
                "route = { objects = 5 }",
                "batch = { account = \"222222222222\", role_arn = \"arn:aws:iam::222222222222:role/b\", endpoint = \"\(server.url)\" }",
            ])
            service.with { $0 = lake.batchOperations }
            try await lake.fill(Self.oddKeys.map { ($0, $0.bytes) })
            try await lake.fill([
                ("odd/t/_delta_log/00.json", [1]), ("odd/gone", [1]), ("few/a", [1]), ("odd/late", [1]),
                ("odd/old", [1]),
            ])
            try await lake.inventory("2026-03-02")
            for program in [Program.collect, .pack] { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
            try await lake.delete(lake.source, ["odd/gone"])
            // A job copies what is there by then, and would replace what an older manifest names.
            try await lake.fill([("odd/late", [2])])
            try await onOwnThread { try lake.put(lake.vault, "v/lake/data/odd/old", [9]) }
            let shipped = try await lake.expect(.ship, ["lake"], status: 3)
            #expect(shipped.errors.contains("1 vanished, 1 changed"), "\(shipped)")
            #expect(shipped.errors.contains("1 place is taken"), "\(shipped)")
            #expect(
                server.jobs.map { $0.text("Description") } == [
                    "coldchain lake 2026-03-01 odd data", "coldchain lake 2026-03-01 odd logs",
                ])
            let copies = try await lake.objects(lake.vault, "v/lake/")
            for key in Self.oddKeys where key.count < 1_000 { #expect(copies["v/lake/data/" + key] != nil, "\(key)") }
            #expect(copies["v/lake/run/2026-03-01/odd/t/_delta_log/00.json"] != nil)
            #expect(copies["v/lake/data/few/a"] != nil)
            #expect(copies["v/lake/data/odd/old"]?.etag == LakeWorld.md5([9]))
            #expect(copies["v/lake/data/odd/old.g2"]?.etag == LakeWorld.md5([1]))
            try await lake.expect(.ship, ["verify", "lake"])
            // Once more, from the report.
            try await lake.expect(.ship, ["lake", "--run", "2026-03-01", "--force"], status: 3)
            #expect(server.jobs.count == 2)
            let manifest = try await lake.world.shell(
                "zgrep -h '^odd/\\(late\\|old\\)' \"$1\"/odd.manifest.*.tsv.gz | sort -u",
                [lake.world.staging + "/lake/ledger/2026-03-01"])
            let rows = manifest.lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
            #expect(rows.map { $0[13] } == ["", "lake/data/odd/old.g2"], "\(manifest)")
            #expect(rows[0][17] == "skipped=changed")
            let verdict = try await onOwnThread { try server.validate() }
            #expect(verdict.output.hasPrefix("ok "), "\(verdict)")
        }

        @Test(
            "A full snapshot is copied by one job, from the inventory as it is, and proved object by object",
            .timeLimit(.minutes(10)))
        func snapshotJob() async throws {
            let service = Monitor<BatchOperations?>(nil)
            let server = try S3ControlServer { job in
                guard let service = service.with({ $0 }) else { throw Fault(.usage, "not yet") }
                return try service.perform(job, failing: ["odd/&"])
            }
            let lake = try await LakeWorld([
                "mode = \"full\"", "log_class = \"GLACIER\"", "route = { objects = 1 }",
                "batch = { account = \"222222222222\", role_arn = \"arn:aws:iam::222222222222:role/b\", endpoint = \"\(server.url)\" }",
            ])
            service.with { $0 = lake.batchOperations }
            try await lake.fill(Self.oddKeys.map { ($0, $0.bytes) })
            try await lake.fill([
                ("odd/t/_delta_log/00.json", [1]), ("odd/gone", [1]), ("odd/late", [1]), ("few/a", [1]),
            ])
            try await lake.inventory("2026-03-02")
            for program in [Program.collect, .pack] { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
            try await lake.delete(lake.source, ["odd/gone"])
            try await lake.fill([("odd/late", [2])])
            let shipped = try await lake.expect(.ship, ["lake"], status: 3)
            #expect(shipped.errors.contains("1 vanished, 1 changed"), "\(shipped)")
            #expect(server.jobs.map { $0.text("Description") } == ["coldchain lake 2026-03-01 snapshot"])
            #expect(server.jobs.first?.body.contains("<Fields>") == false)
            let verdict = try await onOwnThread { try server.validate() }
            #expect(verdict.output.hasPrefix("ok "), "\(verdict)")
            let copies = try await lake.objects(lake.source.sibling(bucket: lake.source.bucket + "-01-mar-2026"))
            let wanted = Self.oddKeys + ["odd/t/_delta_log/00.json", "odd/late", "few/a"]
            #expect(copies.keys.sorted() == wanted.sorted())
            let manifest = try await TestSupport.run(
                ["zgrep", "-h", "^odd/late", lake.world.staging + "/lake/ledger/2026-03-01/odd.manifest.1.tsv.gz"])
            #expect(manifest.output.contains("skipped=changed"), "\(manifest)")
            try await lake.expect(.ship, ["verify", "lake"])
        }

        @Test("A full snapshot gets a bucket of its own, which is never overwritten", .timeLimit(.minutes(10)))
        func snapshot() async throws {
            let lake = try await LakeWorld(["mode = \"full\"", "snapshot = \"{source}-{dd}-{mmm}-{yyyy}\""])
            try await lake.fill(Self.oddKeys.map { ($0, $0.bytes) })
            try await lake.fill([("odd/t/_delta_log/00.json", [1])])
            try await lake.inventory("2026-03-02")
            for program in Program.allCases { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
            let bucket = lake.source.sibling(bucket: lake.source.bucket + "-01-mar-2026")
            let copies = try await lake.objects(bucket)
            #expect(copies.keys.sorted() == (Self.oddKeys + ["odd/t/_delta_log/00.json"]).sorted())
            let (tags, policy) = try await onOwnThread { (try bucket.bucketTags(), try bucket.policy()) }
            #expect(tags["coldchain-run"] == "2026-03-01")
            #expect(String(decoding: policy ?? [], as: UTF8.self).contains("ColdchainDenyDelete"))
            try await lake.delete(lake.source, Self.oddKeys)
            try await lake.expect(.ship, ["restore", "lake", "--run", "2026-03-01", "--to", "source"])
            #expect(try await lake.objects(lake.source).count == Self.oddKeys.count + 1)

            // Another's bucket of that name.
            let other = lake.source.sibling(bucket: lake.source.bucket + "-02-mar-2026")
            try await onOwnThread {
                try other.createBucket()
                try lake.put(other, "precious", [1])
            }
            try await lake.inventory("2026-03-03")
            for program in [Program.collect, .pack] { try await lake.expect(program, ["lake", "--run", "2026-03-02"]) }
            let refused = try await lake.expect(.ship, ["lake", "--run", "2026-03-02"], status: 1)
            #expect(refused.errors.contains("is not the snapshot of this run"), "\(refused)")
            #expect(try await lake.objects(other).count == 1)
        }
    }
}
