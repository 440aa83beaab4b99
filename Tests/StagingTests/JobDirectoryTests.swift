import Ledger
import Platform
import Settings
import Staging
import TestSupport
import Testing

struct JobDirectoryTests {
    @Test func `runs are dates, oldest first`() throws {
        let bench = try Bench()
        let job = try bench.context().directory
        #expect(try job.runs() == [])
        #expect(try job.run(Bench.date) == nil)
        _ = try job.makeRun(Bench.date)
        _ = try job.makeRun(Bench.date.adding(days: -400))
        _ = try job.ledger()
        let tree = TreeBuilder(job.directory)
        try tree.directory("2026-13-01")
        try tree.directory("2026-11-20.old")
        #expect(try job.runs() == [Bench.date.adding(days: -400), Bench.date])
        let made = try job.run(Bench.date)
        let run = try #require(made)
        #expect(run.date == Bench.date && run.job.name == "siem")
    }

    @Test func `a pause holds its stage alone, and says why`() throws {
        let bench = try Bench()
        let job = try bench.context().directory
        let pause = JobDirectory.Pause(why: "moving the disks", since: "2026-11-21T00:00:00Z", by: "anna")
        try job.setPause(pause, .pack)
        #expect(try job.pause(.pack) == pause)
        for stage in [Stage.collect, .ship] {
            #expect(try job.pause(stage) == nil)
            try job.checkNotPaused(stage)
        }
        let failure = fault { try job.checkNotPaused(.pack) }
        #expect(failure?.code == .tryLater)
        #expect(failure?.message == "pack siem is paused since 2026-11-21T00:00:00Z by anna: moving the disks")
        #expect(failure?.hint == "Run 'pack resume siem' to let it go on.")
        try job.setPause(nil, .pack)
        try job.setPause(nil, .pack)
        #expect(try job.pause(.pack) == nil)
        try job.checkNotPaused(.pack)
    }

    @Test func `the ledger has a lock of its own`() throws {
        let bench = try Bench()
        let job = try bench.context().directory
        do {
            let lock = try job.lockLedger(breaking: false)
            let failure = fault { try job.lockLedger(breaking: false) }
            #expect(failure?.code == .tryLater)
            #expect(failure?.message.hasPrefix("the ledger of job siem is held by process ") == true)
            withExtendedLifetime(lock) {}
        }
        expectNoFault { try job.lockLedger(breaking: false) }
        #expect(try job.ledger().runs() == [])
    }

    // MARK: The area around it

    @Test func `staging without its guard is not opened`() throws {
        let bench = try Bench()
        expectNoFault { try StagingArea.open(bench.configuration) }
        try bench.staging.remove(MountGuard.name)
        try expectFault(.unmounted) { try StagingArea.open(bench.configuration) }
        let elsewhere = try Bench(staging: "other")
        try expectFault(.unmounted) { try elsewhere.context() }
    }

    @Test func `too little free space is told in figures`() throws {
        let bench = try Bench()
        let area = try StagingArea.open(bench.configuration)
        expectNoFault { try area.checkFree(.zero) }
        let failure = fault { try area.checkFree(ByteCount(bytes: .max)) }
        #expect(failure?.code == .noSpace)
        #expect(failure?.message.hasSuffix(" free, 'min_free' is 8 EiB") == true)
        #expect(failure?.hint != nil)
    }
}
