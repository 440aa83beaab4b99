import Glibc
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

    private static let policy = RetentionPolicy(keepLast: 1, grace: 1)

    /// Two nights, of which the first is let go in some vaults; it is not pruned from staging.
    private func letGo(_ job: SmallJob, in vaults: [OpenVault], rounds: Int) throws -> CivilDate {
        try job.night("a", ["acme/x": SmallJob.file("one")])
        let first = job.today
        try job.night("a", ["acme/x": SmallJob.file("two", day: 1)])
        for _ in 0..<rounds {
            for vault in vaults { try job.prune(vault, Self.policy) }
            job.pass(days: 1)
        }
        return first
    }

    private func item(_ job: SmallJob, _ stage: Stage, _ date: CivilDate) throws -> StagingPrune.Item? {
        try prune(stage, job).plan().first { $0.run == date.description }
    }

    /// In memory, where that can be: each of these worlds brings hundreds of files to stable storage.
    private static let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil

    /// In quarantine, retired, gone, and forgotten but for the audit log.
    @Test(arguments: 1...4)
    func `what every vault held, and our own prune has let go there, goes from staging`(rounds: Int) throws {
        try withTemporaryDirectory(in: Self.parent) { top in
            let job = try SmallJob(top, vaults: 2)
            let first = try letGo(job, in: job.vaults, rounds: rounds)
            let isForgotten = try Departures(job.vaults[0], of: job.directory).isEmpty
            #expect(isForgotten == (rounds > 3))
            for stage in [Stage.collect, .pack] {
                let found = try #require(try item(job, stage, first))
                #expect(found.decision == .prune)
                #expect(found.why.contains("let it go in v0, v1") == (rounds > 1), "\(found.why)")
                let prune = prune(stage, job)
                #expect(try prune.carryOut(try prune.plan()).done.count == 2)
                #expect(try item(job, stage, first) == nil)
            }
            #expect(try !has(job, first))
        }
    }

    @Test func `one vault has let it go, another one still holds it: only where it does`() throws {
        try withTemporaryDirectory(in: Self.parent) { top in
            let job = try SmallJob(top, vaults: 2)
            let first = try letGo(job, in: [job.vaults[1]], rounds: 3)
            #expect(try item(job, .collect, first)?.why == "every vault held it, until prune let it go in v1")
            let key = try #require(try job.archives(job.vaults[0]).first { $0.contains(first.description) })
            try job.stores[0].lose(key)
            let found = try #require(try item(job, .collect, first))
            #expect(found.decision == .keep && found.why == "vault v0 has lost \(key)")
        }
    }

    @Test func `what somebody else has removed, or what was taken back, was not let go by us`() throws {
        try withTemporaryDirectory(in: Self.parent) { top in
            let job = try SmallJob(top, vaults: 1)
            let vault = job.vaults[0]
            let first = try letGo(job, in: job.vaults, rounds: 1)
            // In quarantine, and removed by somebody; prune notes that it is gone.
            for key in try job.archives(vault) where key.contains(first.description) { try job.stores[0].lose(key) }
            for _ in 0..<2 {
                try job.prune(vault, Self.policy)
                job.pass(days: 1)
            }
            let found = try #require(try item(job, .collect, first))
            #expect(found.decision == .keep && found.why.contains("has lost"), "\(found)")
        }
        try withTemporaryDirectory(in: Self.parent) { top in
            let job = try SmallJob(top, vaults: 1)
            let vault = job.vaults[0]
            let first = try letGo(job, in: job.vaults, rounds: 2)
            var departures = try Departures(vault, of: job.directory)
            _ = try Undo(vault, of: job.directory).carryOut(Array(departures), &departures, why: nil)
            for key in try job.archives(vault) where key.contains(first.description) { try job.stores[0].lose(key) }
            #expect(try item(job, .collect, first)?.decision == .keep)
            // Nor without its manifest in the ledger, which no prune has taken out.
            try Directory.open(top + "/staging/siem/ledger").removeTree(ByteString(first.description))
            let found = try #require(try item(job, .collect, first))
            #expect(found.decision == .keep && found.why.contains("is not committed: 'ship siem"), "\(found)")
        }
    }

    @Test func `what was collected anew since it was let go stays`() throws {
        try withTemporaryDirectory(in: Self.parent) { top in
            let job = try SmallJob(top, vaults: 1)
            let first = try letGo(job, in: job.vaults, rounds: 4)
            try job.handOn(try job.plan("a", first, ["acme/x": SmallJob.file("one")]))
            let found = try #require(try item(job, .collect, first))
            #expect(found.decision == .keep)
            #expect(found.why.contains("'ship siem --run \(first) --force' sends it"), "\(found)")
        }
    }

    @Test func `what was gone before it could be taken back was let go all the same`() throws {
        try withTemporaryDirectory(in: Self.parent) { top in
            let job = try SmallJob(top, vaults: 1)
            let vault = job.vaults[0]
            let first = try letGo(job, in: job.vaults, rounds: 3)
            var departures = try Departures(vault, of: job.directory)
            let result = try Undo(vault, of: job.directory).carryOut(Array(departures), &departures, why: nil)
            #expect(Set(result.taken.values) == [.gone])
            for _ in 0..<2 {
                job.pass(days: 1)
                try job.prune(vault, Self.policy)
            }
            #expect(try Departures(vault, of: job.directory).isEmpty)
            #expect(try item(job, .collect, first)?.decision == .prune)
        }
    }
}
