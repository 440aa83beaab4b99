import Ledger
import Platform
import Retention
import Settings
import Staging
import TestSupport
import Testing
import Vault

@Suite struct StagingPruneTests {
    private func prune(_ stage: Stage, _ job: SmallJob) -> StagingPrune {
        var settings = RetentionSettings()
        settings.keepLocal = 0
        return StagingPrune(stage, of: job.directory, settings, vaults: job.vaults, clock: job.clock, log: job.log)
    }

    private func has(_ job: SmallJob, _ date: CivilDate) throws -> Bool {
        let run = try #require(try job.directory.run(date))
        return try run.collectDirectory().exists("a")
    }

    @Test func `what was collected anew after the plan was made stays`() throws {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            try job.night("a", ["acme/x": SmallJob.file("one")])
            let early = prune(.collect, job)
            let plan = try early.plan()
            #expect(plan.map(\.decision) == [.prune])
            // `collect --force` ends before prune has its locks.
            try job.handOn(try job.plan("a", job.today, ["acme/x": SmallJob.file("two", day: 1)]))
            let outcome = try early.carryOut(plan)
            #expect(outcome.done.isEmpty && outcome.failed.isEmpty)
            #expect(try has(job, job.today))
            try job.finish(job.today)
            #expect(try job.restore("a", job.today, job.vaults[0]) == ["acme/x": Array("two".utf8)])
            // Now every vault holds that, too.
            let again = prune(.collect, job)
            #expect(try again.carryOut(try again.plan()).done.count == 1)
            #expect(try !has(job, job.today))
        }
    }

    @Test func `what was pruned and collected anew is there again, though it has the same bytes`() throws {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            let tree = ["acme/x": SmallJob.file("one")]
            try job.night("a", tree)
            let date = job.today
            _ = try prune(.collect, job).carryOut(try prune(.collect, job).plan())
            #expect(try !has(job, date))
            // The vault has lost the archive since, so that it is collected again.
            let key = try #require(try job.archives(job.vaults[0]).first)
            try job.stores[0].lose(key)
            job.pass(days: 1)
            try job.handOn(try job.plan("a", date, tree))
            let items = try prune(.collect, job).plan()
            #expect(items.map(\.decision) == [.keep], "\(items)")
            _ = try prune(.collect, job).carryOut(items)
            #expect(try has(job, date))
        }
    }
}
