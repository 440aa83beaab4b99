import Codec
import Ledger
import Platform
import TestSupport
import Testing

struct LedgerDirectoryTests {
    @Test(arguments: [
        ("web1", 1), ("web1.dc.example", 2), ("a.manifest.3", 4), ("a.manifest", 1), ("x.tsv.gz", 10),
        ("10.0.0.1", 123_456),
    ])
    func `a file name is taken apart as it was made`(unit: String, number: Int) throws {
        let name = LedgerDirectory.fileName(unit: unit, number: number)
        #expect(name == "\(unit).manifest.\(number).tsv.gz")
        let parsed = try #require(LedgerDirectory.parse(name))
        #expect(parsed.unit == unit)
        #expect(parsed.number == number)
    }

    @Test(arguments: [
        "web1.manifest.1.tsv.gz.sha256", "web1.manifest.1.tsv", ".web1.manifest.1.tsv.gz.partial",
        "web1.manifest.tsv.gz",
        "web1.manifest.0.tsv.gz", "web1.manifest.-1.tsv.gz", "web1.manifest.+1.tsv.gz", "web1.manifest.01.tsv.gz",
        "web1.manifest.x.tsv.gz", "web1.manifest..tsv.gz", "web1.Manifest.1.tsv.gz", "web1.1.tsv.gz",
        "manifest.1.tsv.gz",
        ".manifest.1.tsv.gz", ".tsv.gz", "", "web1.manifest.99999999999999999999.tsv.gz",
    ])
    func `other names are no manifests`(name: String) {
        let unit = LedgerDirectory.parse(name)?.unit
        #expect(unit == nil)
    }

    private func date(_ text: String) throws -> CivilDate { try #require(CivilDate(text)) }

    @Test func `runs are dates, oldest first, and units have their highest number`() throws {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            let ledger = LedgerDirectory(tree.root)
            #expect(try ledger.runs() == [])
            for name in ["9", "10", "2"] { try tree.file(ByteString("2026-11-20/a.b.manifest.\(name).tsv.gz")) }
            try tree.file("2026-11-20/a.b.manifest.11.tsv.gz.sha256")
            try tree.file("2026-11-20/.a.b.manifest.12.tsv.gz.partial")
            try tree.file("2026-11-20/c.manifest.1.tsv.gz")
            try tree.directory("2025-12-31")
            try tree.directory("2026-02-30")
            try tree.directory("other")
            try tree.file(".lock")
            let (first, second) = (try date("2025-12-31"), try date("2026-11-20"))
            #expect(try ledger.runs() == [first, second])
            #expect(try ledger.units(of: second) == ["a.b": 10, "c": 1])
            #expect(try ledger.units(of: first) == [:])
            let none = try date("2024-01-01")
            #expect(try ledger.units(of: none) == [:])
        }
    }

    @Test func `the newest manifest of a unit is the last before the run`() throws {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            let ledger = LedgerDirectory(tree.root)
            try tree.file("2026-11-18/a.manifest.1.tsv.gz", text: "first")
            try tree.file("2026-11-18/a.manifest.2.tsv.gz", text: "second")
            try tree.file("2026-11-19/b.manifest.1.tsv.gz")
            try tree.file("2026-11-20/a.manifest.1.tsv.gz")
            for (before, run, number) in [
                ("2026-11-18", nil, nil), ("2026-11-19", "2026-11-18", 2), ("2026-11-20", "2026-11-18", 2),
                ("2026-11-21", "2026-11-20", 1),
            ] as [(String, String?, Int?)] {
                let newest = try ledger.newest(unit: "a", before: date(before))
                #expect(newest?.run.description == run, "before \(before)")
                #expect(newest?.number == number, "before \(before)")
            }
            let missing = try ledger.newest(unit: "c", before: date("2030-01-01"))
            #expect(missing?.number == nil)
            let file = try ledger.open(run: date("2026-11-18"), unit: "a", number: 2)
            #expect(try SHA256Hasher.digest(of: file) == SHA256Hasher.digest(of: Array("second".utf8)))
            try expectFault(.notFound) { try ledger.open(run: try date("2026-11-18"), unit: "a", number: 3) }
            let made = try ledger.directory(of: date("2026-12-01"))
            #expect(try made.names() == [])
            #expect(try ledger.runs().last?.description == "2026-12-01")
        }
    }
}
