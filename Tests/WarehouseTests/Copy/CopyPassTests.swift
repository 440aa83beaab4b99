import AWS
import Ledger
import Platform
import TestSupport
import Testing

@testable import Warehouse

@Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
struct CopyPassTests {
    @Test(.timeLimit(.minutes(5)))
    func `a pass notes in order, goes on where it stopped, and copies nothing twice`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            var rows: [Manifest.Row] = []
            for number in 0..<60 {
                let key = ByteString("d/part-\(number)")
                rows.append(lake.row(key, size: 1, etag: try lake.put(key, [UInt8(number)])))
            }
            // One that is gone, one that has changed, one whose place is taken by other content, and one that is carried.
            try lake.delete(lake.source, "d/part-7")
            try lake.put("d/part-8", [200])
            let taken = try lake.places.place(ByteString(rows[9].object)).key
            try lake.putTarget(taken, [9, 9])
            rows[10].run = "2026-11-19"
            let source = try lake.manifest(rows)
            try withTemporaryDirectory { path in
                let directory = try Directory.open(path)
                let pass = CopyPass(
                    lake.copier(), lake.keys, lake.places, uploads: LargeCopies(), threads: 8)
                let run = lake.run
                func attempt(_ selects: @escaping @Sendable (Manifest.Row) -> Bool = { _ in true }) throws -> CopyTotals
                {
                    try pass.run(
                        { () throws(Fault) in try ManifestReader(source) },
                        selecting: { CopyPass.isTaken($0, by: run) && selects($0) },
                        journal: try CopyJournal("j", in: directory))
                }
                let first = try attempt { $0.entry.key < "d/part-3" }
                #expect(first.copied.objects > 0 && first.copied.objects < 30)
                let second = try attempt()
                #expect(second.copied.objects + first.copied.objects == 57)
                #expect(second.adopted.objects == first.copied.objects)
                #expect(second.vanished.objects == 1 && second.changed.objects == 1 && second.failed.objects == 0)
                #expect(second.firstChange == "d/part-8")
                let third = try attempt()
                #expect(third.copied.objects == 0 && third.adopted.objects == 57)
                // One that has disappeared from its place is copied anew.
                try lake.delete(lake.target, try lake.places.place(ByteString(rows[1].object)).key)
                #expect(try attempt().copied.objects == 1)

                let file = try directory.createFile("m")
                let writer = try ManifestWriter(file)
                let totals = try CopiedManifest(run: run, storageClass: "STANDARD_IA") { _ in false }
                    .write(ManifestReader(source), [try CopyJournal("j", in: directory)], into: writer)
                _ = try writer.finish()
                #expect(totals.taken.objects == 57 && totals.carried.objects == 1 && totals.skipped.objects == 2)
                #expect(totals.reasons.keys.sorted() == ["changed", "vanished"])
                let built = try LakeBuckets.all(BytesSource(try directory.readFile("m"), name: "m"))
                #expect(built.first { $0.entry.key == "d/part-9" }?.object == "lake/data/d/part-9.g2")
                let gone = try #require(built.first { $0.entry.key == "d/part-7" })
                #expect(gone.object == "" && gone.flags == .skipped && gone.reason == "vanished")
                #expect(try lake.content(lake.target, taken) == [9, 9])
                #expect(built.first { $0.entry.key == "d/part-9" }?.storageClass == "STANDARD_IA")

                // A plan that was made anew wants other content of a key, of the same size: what was noted of the one before
                // proves nothing.
                var newer = rows
                newer[0].entry.etag = try lake.put("d/part-0", [77])
                let anew = try lake.manifest(newer)
                let again = try pass.run(
                    { () throws(Fault) in try ManifestReader(anew) },
                    selecting: { CopyPass.isTaken($0, by: run) }, journal: try CopyJournal("j", in: directory))
                #expect(again.copied.objects == 1)
                #expect(try lake.content(lake.target, "v/lake/data/d/part-0") == [0])
                #expect(try lake.content(lake.target, "v/lake/data/d/part-0.g2") == [77])
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a carried object must be there, with its size`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            var rows: [Manifest.Row] = []
            for key: ByteString in ["d/é 1", "d/é 2", "d/é+3", "d/é//4"] {
                var row = lake.row(key, size: 1, etag: "e", wasHeld: key == "d/é 2")
                row.run = "2026-11-19"
                row.object = row.object.replacing("2026-11-20", with: "2026-11-19")
                rows.append(row)
                try lake.putTarget(try lake.places.place(ByteString(row.object)).key, [1])
            }
            // Of another run, between those that are looked for.
            try lake.putTarget("v/lake/data/d/é 3", [1])
            let source = try lake.manifest(rows)
            let check = HeldCheck(but: lake.run, lake.keys, lake.places)
            try check.check { () throws(Fault) in try ManifestReader(source) }
            for row in rows {
                let key = try lake.places.place(ByteString(row.object)).key
                try lake.putTarget(key, [1, 2])
                try expectFault(.damaged, "has 2 bytes") {
                    try check.check { () throws(Fault) in try ManifestReader(source) }
                }
                try lake.delete(lake.target, key)
                try expectFault(.damaged, "has no '\(row.object)'") {
                    try check.check { () throws(Fault) in try ManifestReader(source) }
                }
                try lake.putTarget(key, [1])
            }
        }
    }
}
