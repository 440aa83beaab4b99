import Ledger
import Platform
import Retention
import Staging
import TestSupport
import Testing

@Suite struct OpenRunsTests {
    private func record(_ stage: Stage, _ attempt: String, upstream: String? = nil, _ run: RunDirectory) throws {
        var record = StageRecord(
            job: "siem", run: run.date.description, stage: stage, attempt: attempt, state: .done, host: "h", pid: 1,
            startedAt: "")
        record.upstream = upstream
        if stage == .ship { record.vaults = ["v0": "id0"] }
        try run.write(record)
    }

    @Test func `a run is done by its three stage records, each upon the one before, or by all of its unit records`()
        throws
    {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            try job.night("a", ["acme/x": SmallJob.file("one")])
            let run = try #require(try job.directory.run(job.today))
            func open(_ vaults: [String] = ["v0"]) throws -> [String] {
                try OpenRuns(job.directory, vaults: vaults).units.map(\.record.unit)
            }
            #expect(try open() == [])
            // Another list, of which nothing is shipped.
            try job.handOn(try job.plan("a", job.today, ["acme/x": SmallJob.file("two", day: 1)]))
            #expect(try open() == ["a"])
            try record(.collect, "c1", run)
            try record(.pack, "p1", upstream: "c1", run)
            try record(.ship, "s1", upstream: "p1", run)
            #expect(try open() == [])
            // A vault that is new to the job has nothing.
            #expect(try open(["v0", "v1"]) == ["a"])
            // Whoever collects anew tells so before anything else.
            try record(.collect, "c2", run)
            #expect(try open() == ["a"])
        }
    }
}
