import Codec
import Ledger
import Platform
import Staging
import TestSupport
import Testing

struct EmptyRunTests {
    /// What a run in which all hosts failed has, and what a crash may leave beside it.
    private static let litter: [ByteString] = [
        "run.json", "collect.json", "pack.json", "ship.json", ".pack.lock", "collect/.web1.partial/acme/app.log",
        "collect/.web1.entries.tsv.gz.partial", "records/pack/.acme.json.partial",
    ]

    private func fill(_ bench: Bench, _ paths: [ByteString]) throws {
        let tree = TreeBuilder(try bench.run().directory)
        for path in paths where path.hasSuffix(UInt8(ascii: "/")) == false && !path.hasPrefix("collect.json") {
            try tree.file(path, text: "{}")
        }
        try tree.directory("pack/acme")
        try bench.leave(.collect, .failed)
    }

    @Test func `a run in which nothing was collected goes`() throws {
        let bench = try Bench()
        try fill(bench, Self.litter)
        let other = Bench.date.adding(days: -1)
        try bench.leaveUnit(.collect, "web1", on: other)
        let job = try bench.context().directory
        try EmptyRun(Bench.date, bench.context()).discard()
        #expect(try job.runs() == [other])
        let names = try job.directory.names().sorted()
        #expect(names == ["2026-11-19", "ledger"])
        let again = fault { try EmptyRun(Bench.date, bench.context()) }
        #expect(again?.code == .notFound)
        #expect(again?.message == "job 'siem' has no run 2026-11-20")
        expectNoFault { try StageAttempt(.collect, of: try bench.run(), try bench.context()) }
    }

    @Test func `notes of an attempt that staged no file do not keep a run`() throws {
        let bench = try Bench()
        let notes: [ByteString] = ["collect/.web2.journal", "collect/.web2.journal.next", "collect/.web2.prefixes"]
        try fill(bench, Self.litter + notes)
        try TreeBuilder(try bench.run().directory).directory("collect/.web2.partial/acme")
        try EmptyRun(Bench.date, bench.context()).discard()
        #expect(try bench.context().directory.runs() == [])
    }

    @Test(
        arguments: [
            "records/collect/web1.json", "records/pack/acme/2026/web1.json", "records/ship/disk/_manifest/web1.json",
            "collect/web1.entries.tsv.gz", "collect/.web1.journal", "collect/web1/acme/app.log",
            "pack/acme/web1.tar.gz", "notes.txt",
            "deep/run.json",
        ] as [ByteString])
    func `a run with anything in it stays`(path: ByteString) throws {
        let bench = try Bench()
        try fill(bench, Self.litter + [path])
        let failure = fault { try EmptyRun(Bench.date, bench.context()) }
        #expect(failure?.code == .exists)
        #expect(failure?.message == "run 2026-11-20 of job 'siem' is not empty: it has '\(path)'")
        #expect(try bench.run().directory.exists("collect.json"))
    }

    @Test func `a run whose manifests were committed stays`() throws {
        let bench = try Bench()
        try fill(bench, [])
        let ledger = try bench.context().directory.ledger().directory(of: Bench.date)
        try TreeBuilder(ledger).file(ByteString(LedgerDirectory.fileName(unit: "web1", number: 1)), [1])
        let failure = fault { try EmptyRun(Bench.date, bench.context()) }
        #expect(failure?.message == "run 2026-11-20 of job 'siem' is not empty: the ledger has the manifest of 'web1'")
    }

    @Test(arguments: Stage.allCases) func `a run at which somebody works stays`(stage: Stage) throws {
        let bench = try Bench()
        try fill(bench, [])
        let attempt = try StageAttempt(stage, of: try bench.run(), try bench.context())
        try expectFault(.tryLater) { try EmptyRun(Bench.date, bench.context()) }
        withExtendedLifetime(attempt) {}
        _ = consume attempt
        expectNoFault { try EmptyRun(Bench.date, bench.context()) }
    }
}
