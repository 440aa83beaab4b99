import Ledger
import Platform
import TestSupport
import Testing
import Warehouse

struct VaultPlanTests {
    private static let run = CivilDate(dayNumber: 20_000)
    private static var earlier: CivilDate { run.adding(days: -1) }
    private let keys = DestinationKeys(job: "lake", run: Self.run, prefix: "o/")
    private var plan: VaultPlan { VaultPlan(run: Self.run, keys, storageClass: "GLACIER") }

    private func row(
        _ key: ByteString, _ etag: String, size: Int64 = 1, run: CivilDate = Self.earlier, object: String = "",
        version: String = "", flags: EntryFlag = []
    ) -> Manifest.Row {
        var entry = Entry(
            key: key, kind: .file, size: size, modified: Timestamp(seconds: 1), mode: 0, uid: 0, gid: 0)
        (entry.etag, entry.version) = (etag, version)
        var row = Manifest.Row(entry: entry, tenant: "db")
        (row.object, row.run, row.flags) = (object, object.isEmpty ? "" : run.description, flags)
        row.storageClass = object.isEmpty ? "" : "DEEP_ARCHIVE"
        return row
    }

    @Test func `what is taken or left out stays as it is planned`() {
        let own = row("db/x", "other", object: "lake/data/db/x")
        #expect(plan.decide(row("db/x", "e", run: Self.run, object: "lake/data/db/x"), held: own) == .asPlanned)
        #expect(plan.decide(row("db/x", "e", flags: .skipped), held: own) == .asPlanned)
    }

    @Test func `what is carried has the name that the vault itself has for the same content`() {
        let planned = row("db/x", "e", object: "lake/data/db/x")
        #expect(plan.decide(planned, held: planned) == .asPlanned)
        var own = row("db/x", "e", run: Self.earlier.adding(days: -3), object: "lake/data/db/x.g2")
        own.storageClass = "STANDARD"
        var wanted = planned
        (wanted.object, wanted.run, wanted.storageClass) = (own.object, own.run, "STANDARD")
        #expect(plan.decide(planned, held: own) == .held(wanted))
        // An inventory of versions names the version that it saw.
        own.entry.version = "v1"
        #expect(plan.decide(planned, held: own) == .held(wanted))
    }

    @Test func `what the vault has not, or has of other content, is taken, whatever its size`() {
        let planned = row("db/x", "e", size: 7, object: "lake/data/db/x.g2", version: "v1")
        func taken(_ object: String) -> VaultPlan.Decision {
            var wanted = planned
            (wanted.object, wanted.run, wanted.storageClass) = (object, Self.run.description, "GLACIER")
            wanted.entry.version = ""
            return .lacking(wanted)
        }
        #expect(plan.decide(planned, held: nil) == taken("lake/data/db/x"))
        #expect(plan.decide(planned, held: row("db/x", "e", size: 7, flags: .skipped)) == taken("lake/data/db/x"))
        let other = row("db/x", "f", size: 7, object: "lake/data/db/x.g2")
        #expect(plan.decide(planned, held: other) == taken("lake/run/\(Self.run)/db/x"))
        let shorter = row("db/x", "e", size: 6, object: "lake/data/db/x.g2")
        #expect(plan.decide(planned, held: shorter) == taken("lake/run/\(Self.run)/db/x"))
        let long = row(ByteString(String(repeating: "k", count: 1_020)), "e", object: "lake/long/x")
        guard case .lacking(let row) = plan.decide(long, held: nil) else { return #expect(Bool(false)) }
        #expect(row.object.hasPrefix("lake/long/\(Self.run)/"))
    }

    @Test func `what is lost comes back under its name, and beside what was put in its place`() throws {
        let planned = row("db/x", "e", size: 7, object: "lake/data/db/x.g2", version: "v1")
        func object(_ row: Manifest.Row, _ loss: HeldCheck.Loss?) -> String? {
            guard case .lacking(let own) = plan.decide(row, loss: loss) else { return nil }
            #expect(own.run == Self.run.description && own.storageClass == "GLACIER" && own.entry.version.isEmpty)
            return own.object
        }
        #expect(object(planned, nil) == nil)
        #expect(object(planned, .missing) == "lake/data/db/x.g2")
        #expect(object(planned, .size(8)) == "lake/run/\(Self.run)/db/x")
        let taken = row("db/x", "e", run: Self.run, object: "lake/data/db/x")
        #expect(object(taken, .missing) == nil)
        let ofSnapshot = row("db/x", "e", object: "s3://lake-19-mar-2026/db/x")
        #expect(object(ofSnapshot, .missing) == "lake/run/\(Self.run)/db/x")

        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let source = try manifest(
                ["a", "b", "c"].map { row(ByteString("db/\($0)"), $0, size: 3, object: "lake/data/db/\($0)") },
                in: directory)
            var lost = (missing: KeyDigests(), other: KeyDigests())
            lost.missing.add("db/a")
            lost.other.add("db/c")
            lost.missing.sort()
            lost.other.sort()
            var totals = VaultPlan.Totals()
            let file = try directory.unnamedFile()
            let writer = try ManifestWriter(file)
            try plan.write(try ManifestReader(source), lost: lost, &totals, into: writer)
            _ = try writer.finish()
            let reader = try ManifestReader(try FileSource(file))
            var lines: [String] = []
            while let row = try reader.next() { lines.append("\(row.run) \(row.object)") }
            #expect(
                lines == [
                    "\(Self.run) lake/data/db/a", "\(Self.earlier) lake/data/db/b",
                    "\(Self.run) lake/run/\(Self.run)/db/c",
                ])
            #expect(totals.lacking.objects == 2 && totals.lacking.bytes == 6)
            #expect(totals.lackingKeys.contains("db/a") && totals.lackingKeys.contains("db/c"))
        }
    }

    private func manifest(_ rows: [Manifest.Row], in directory: Directory) throws -> FileSource {
        let file = try directory.unnamedFile()
        let writer = try ManifestWriter(file)
        for row in rows { try writer.write(row) }
        _ = try writer.finish()
        return try FileSource(file)
    }

    @Test func `two manifests merge by their keys`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let planned = try manifest(
                [
                    row("db/a", "a", object: "lake/data/db/a"), row("db/b", "b", object: "lake/data/db/b"),
                    row("db/c", "c", size: 5, object: "lake/data/db/c"), row("db/d", "d", flags: .skipped),
                    row("db/e", "e", run: Self.run, object: "lake/data/db/e"),
                ], in: directory)
            let own = try manifest(
                [
                    row("db/0", "0", object: "lake/data/db/0"), row("db/a", "a", object: "lake/data/db/a"),
                    row("db/b", "b", object: "lake/data/db/b.g3"), row("db/bb", "c", object: "lake/data/db/bb"),
                    row("db/e", "e0", object: "lake/data/db/e"), row("db/z", "z", object: "lake/data/db/z"),
                ], in: directory)
            let file = try directory.unnamedFile()
            let writer = try ManifestWriter(file)
            let totals = try plan.write(
                try ManifestReader(planned), held: try ManifestReader(own), into: writer)
            _ = try writer.finish()
            let reader = try ManifestReader(try FileSource(file))
            var lines: [String] = []
            while let row = try reader.next() { lines.append("\(row.entry.key) \(row.run) \(row.object)") }
            #expect(
                lines == [
                    "db/a \(Self.earlier) lake/data/db/a", "db/b \(Self.earlier) lake/data/db/b.g3",
                    "db/c \(Self.run) lake/data/db/c", "db/d  ", "db/e \(Self.run) lake/data/db/e",
                ])
            #expect(totals.renamed == 1)
            #expect(totals.lacking.objects == 1 && totals.lacking.bytes == 5)
            #expect(totals.lackingKeys.contains("db/c") && !totals.lackingKeys.contains("db/b"))
        }
    }

    @Test func `a manifest of the vault that is not in order is damaged`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let head = Manifest.columns.joined(separator: "\t")
            let rows = ["db/b", "db/a", "db/c"].map { "\($0)\tf\t1\t1.000000000" + String(repeating: "\t", count: 14) }
            try PendingFile.write(
                try gzipped(Array(([head] + rows).joined(separator: "\n").utf8) + [10]), to: "own.tsv.gz", in: directory
            )
            let own = try ManifestReader(try FileSource(try directory.openFile("own.tsv.gz")))
            let planned = try ManifestReader(
                try manifest([row("db/x", "x", object: "lake/data/db/x")], in: directory))
            let writer = try ManifestWriter(try directory.unnamedFile())
            let failure = fault { _ = try plan.write(planned, held: own, into: writer) }
            #expect(failure?.code == .damaged)
            #expect(failure?.message.contains("'db/a' follows 'db/b'") ?? false)
        }
    }
}
