import Ledger
import Platform
import Settings
import Staging
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct PendingRunsTests {
    private func date(_ text: String) throws -> CivilDate { try #require(CivilDate(text)) }

    /// The dates for collect, where the sources of `sources` are there.
    private func forCollect(_ bench: Bench, _ sources: [String], _ run: String? = nil) throws -> [String] {
        let context = try bench.context { $0.run = run.flatMap { CivilDate($0) } }
        return try PendingRuns(context).forCollect { (date: CivilDate) throws(Fault) in
            sources.contains(date.description)
        }
        .map(\.description)
    }

    // MARK: collect

    @Test func `the day that the job names comes last, and missed ones whose source is there before it`() throws {
        let bench = try Bench()
        #expect(try forCollect(bench, []) == ["2026-11-20"])
        #expect(try forCollect(bench, ["2026-11-17", "2026-11-19"]) == ["2026-11-17", "2026-11-19", "2026-11-20"])
        // Beyond catch_up, and days to come.
        #expect(try forCollect(bench, ["2026-11-16", "2026-11-20", "2026-11-21"]) == ["2026-11-20"])
    }

    @Test func `run today means the day that is not over`() throws {
        let bench = try Bench(Bench.dated + "run = \"today\"\n")
        #expect(try forCollect(bench, ["2026-11-17", "2026-11-18"]) == ["2026-11-18", "2026-11-21"])
    }

    @Test func `a run that was asked for is the only one`() throws {
        let bench = try Bench()
        #expect(try forCollect(bench, ["2026-11-19"], "2020-02-29") == ["2020-02-29"])
        #expect(try forCollect(bench, ["2026-11-19"], "2026-11-20") == ["2026-11-20"])
    }

    @Test func `a day that has not come can't be asked for`() throws {
        let bench = try Bench()
        #expect(try forCollect(bench, [], "2026-11-21") == ["2026-11-21"])
        for day in ["2026-11-22", "2062-11-20"] {
            let failure = fault { try forCollect(bench, [day], day) }
            #expect(failure?.code == .usage)
            #expect(failure?.message == "--run \(day): that day has not come, today is 2026-11-21 in UTC")
        }
    }

    @Test func `a begun run is missed as long as a host lacks its record`() throws {
        let bench = try Bench()
        let (done, half, none) = (try date("2026-11-17"), try date("2026-11-18"), try date("2026-11-19"))
        for date in [done, half, none] { try bench.leave(.collect, .partial, on: date) }
        for host in ["web1", "web2"] { try bench.leaveUnit(.collect, host, on: done) }
        try bench.leaveUnit(.collect, "web2", on: half)
        try bench.leaveUnit(.collect, "other", on: half)
        // Begun runs are not asked for their source.
        #expect(try forCollect(bench, []) == ["2026-11-18", "2026-11-19", "2026-11-20"])
    }

    @Test func `a run directory without a stage record was never begun`() throws {
        let bench = try Bench()
        _ = try bench.run(try date("2026-11-19"))
        #expect(try forCollect(bench, []) == ["2026-11-20"])
        #expect(try forCollect(bench, ["2026-11-19"]) == ["2026-11-19", "2026-11-20"])
    }

    @Test func `a date that the ledger has whole was not missed, though staging knows nothing of it`() throws {
        let bench = try Bench()
        let ledger = try bench.context().directory.ledger()
        func hold(_ host: String, _ day: String, retired: Bool = false) throws {
            let day = try date(day)
            let name = ByteString(LedgerDirectory.fileName(unit: host, number: 1))
            let directory =
                retired
                ? try #require(try ledger.retiredDirectory(of: day, makes: true)) : try ledger.directory(of: day)
            _ = try directory.createFile(name)
        }
        let sources = ["2026-11-17", "2026-11-18", "2026-11-19"]
        for host in ["web1", "web2"] { try hold(host, "2026-11-17") }
        try hold("web1", "2026-11-18")
        #expect(try forCollect(bench, sources) == ["2026-11-18", "2026-11-19", "2026-11-20"])
        // What retention has let go is not collected again.
        for host in ["web1", "web2"] { try hold(host, "2026-11-19", retired: true) }
        #expect(try forCollect(bench, sources) == ["2026-11-18", "2026-11-20"])
        // A run that was begun goes by its records.
        try bench.leave(.collect, .partial, on: try date("2026-11-17"))
        #expect(try forCollect(bench, []) == ["2026-11-17", "2026-11-20"])
    }

    @Test func `a path without a date has no missed days`() throws {
        let bench = try Bench(
            """
            kind = "hosts"
            vault = "disk"
            timezone = "UTC"
            hosts = ["web1"]
            path = "file:///mnt/{host}"
            archive = "{tenant}/{yyyy}/{mm}/{dd}/{host}"
            full_every = "30 days"

            """)
        #expect(try forCollect(bench, ["2026-11-18", "2026-11-19"]) == ["2026-11-20"])
    }

    @Test func `without catch_up nothing is filled in`() throws {
        let bench = try Bench(
            Bench.dated.split(separator: "\n").filter { !$0.hasPrefix("catch_up") }.joined(separator: "\n")
                + "\ncatch_up = \"0 days\"\n")
        #expect(try forCollect(bench, ["2026-11-18", "2026-11-19"]) == ["2026-11-20"])
    }

    @Test func `a fault of whoever looks for a source comes through`() throws {
        let bench = try Bench()
        let context = try bench.context()
        let failure = fault {
            try PendingRuns(context).forCollect { (_: CivilDate) throws(Fault) in throw Fault(.unmounted, "stale") }
        }
        #expect(failure?.message == "stale")
    }

    @Test func `days change at midnight of the job's time zone`() async {
        await #expect(processExitsWith: .success) { try checkMidnight() }
    }

    // MARK: pack and ship

    private func after(_ bench: Bench, _ change: (inout StageContext.Request) -> Void = { _ in }) throws -> [String] {
        try PendingRuns(try bench.context(change)).after(.collect, for: .pack).map(\.date.description)
    }

    @Test func `all that the stage before has ended is taken, oldest first`() throws {
        let bench = try Bench()
        #expect(try after(bench) == [])
        for (day, state) in [
            ("2026-11-20", .done), ("2026-11-18", .partial), ("2026-11-19", .failed),
        ] as [(String, StageRecord.State)] { try bench.leave(.collect, state, on: date(day)) }
        // One that failed altogether hands nothing on; one of whose units some were done before does.
        let failed = try date("2026-11-19")
        #expect(try after(bench) == ["2026-11-18", "2026-11-20"])
        let refusal = fault { try after(bench) { $0.run = failed } }
        #expect(refusal?.code == .tryLater)
        #expect(refusal?.message == "collect siem 2026-11-19 has failed and hands nothing on")
        try bench.leaveUnit(.collect, "web1", on: failed)
        _ = try bench.run(try date("2026-11-10"))
        #expect(try after(bench) == ["2026-11-18", "2026-11-19", "2026-11-20"])
    }

    @Test(
        arguments: [
            (StageRecord.State.done, "first", false), (.done, "second", true), (.partial, "first", true),
            (.failed, "first", true), (.running, "first", true), (.done, nil, true),
        ] as [(StageRecord.State, String?, Bool)])
    func `a run is done when this stage is, from the same attempt of the one before`(
        state: StageRecord.State, upstream: String?, isPending: Bool
    ) throws {
        let bench = try Bench()
        try bench.leave(.collect, .done)
        try bench.leave(.pack, state, attempt: "own", upstream: upstream)
        #expect(try after(bench) == (isPending ? ["2026-11-20"] : []))
        let forced = try after(bench) { $0.force = true }
        #expect(forced == ["2026-11-20"])
    }

    @Test func `a run that is being collected is not ready, one whose collect is dead is`() throws {
        let bench = try Bench()
        try bench.leave(.collect, .running)
        let context = try bench.context()
        let run = try bench.run()
        do {
            let attempt = try StageAttempt(.collect, of: run, context)
            #expect(try after(bench) == [])
            let failure = fault { try after(bench) { $0.run = Bench.date } }
            #expect(failure?.code == .tryLater)
            #expect(failure?.message == "collect siem 2026-11-20 has not ended yet")
            withExtendedLifetime(attempt) {}
        }
        // What was killed before its first unit hands nothing on.
        #expect(try after(bench) == [])
        let killed = fault { try after(bench) { $0.run = Bench.date } }
        #expect(killed?.code == .tryLater)
        #expect(killed?.message == "collect siem 2026-11-20 was killed before it had anything to hand on")
        try bench.leaveUnit(.collect, "web1")
        #expect(try after(bench) == ["2026-11-20"])
    }

    @Test func `what was done for another vault of the name is not done`() throws {
        let bench = try Bench()
        let context = try bench.context()
        try bench.leave(.pack, .done)
        var record = try bench.leave(.ship, .done, upstream: "first")
        func pending(_ vaults: [String: String]) throws -> Int {
            try PendingRuns(context).after(.pack, for: .ship, vaults: vaults).count
        }
        #expect(try pending(["disk": "abc"]) == 0, "an older record does not tell")
        record.vaults = ["disk": "abc", "second": "def"]
        try bench.run().write(record)
        #expect(try pending(["disk": "abc", "second": "def"]) == 0)
        #expect(try pending([:]) == 0)
        #expect(try pending(["disk": "abc", "third": "x"]) == 0, "a vault that came later")
        #expect(try pending(["disk": "abc", "second": "other"]) == 1)
    }

    // MARK: Selections

    /// What a selection comes to when no archive of the pending runs matches it.
    private func check(_ bench: Bench, _ only: String?, tenant: String? = nil, wasPending: Bool) throws -> Fault? {
        let context = try bench.context {
            $0.only = only.map { [Glob($0)] } ?? []
            $0.tenant = tenant.map { Glob($0) }
        }
        return fault { try PendingRuns(context).checkSelection(wasPending: wasPending) }
    }

    @Test func `a selection that no archive has is a typing error, in whatever run it would be`() throws {
        let bench = try Bench()
        #expect(try check(bench, nil, wasPending: true) == nil)
        #expect(try check(bench, "acme/*", wasPending: true)?.code == .notFound)
        #expect(try check(bench, "acme/*", wasPending: false) == nil, "nothing is packed that could tell")
        var record = bench.unitRecord(.pack, "acme/web1")
        record.tenant = "acme"
        try bench.run().write(record)
        _ = try bench.run(Bench.date.adding(days: 1))
        #expect(try check(bench, "acme/*", wasPending: false) == nil)
        #expect(try check(bench, nil, tenant: "ac*", wasPending: false) == nil)
        for failure in [
            try check(bench, "acne/*", wasPending: false), try check(bench, nil, tenant: "globex", wasPending: false),
            try check(bench, "acme/*", tenant: "globex", wasPending: false),
        ] {
            #expect(failure?.code == .notFound)
            #expect(failure?.message == "no archive matches --only or --tenant")
        }
    }

    @Test func `a run that was asked for is taken though it is done, and must be there`() throws {
        let bench = try Bench()
        try bench.leave(.collect, .done)
        try bench.leave(.collect, .done, on: try date("2026-11-19"))
        try bench.leave(.pack, .done, upstream: "first")
        let asked = try after(bench) { $0.run = Bench.date }
        #expect(asked == ["2026-11-20"])
        let missing = fault { try after(bench) { $0.run = CivilDate("2026-11-01") } }
        #expect(missing?.code == .notFound)
        #expect(missing?.message == "job 'siem' has no run 2026-11-01")
        #expect(missing?.hint?.contains("collect siem --run 2026-11-01") == true)
        _ = try bench.run(try date("2026-11-02"))
        let empty = fault { try after(bench) { $0.run = CivilDate("2026-11-02") } }
        #expect(empty?.code == .tryLater)
    }

    @Test func `ship follows pack`() throws {
        let bench = try Bench()
        try bench.leave(.collect, .done)
        let context = try bench.context()
        #expect(try PendingRuns(context).after(.pack, for: .ship).isEmpty)
        try bench.leave(.pack, .partial)
        #expect(try PendingRuns(context).after(.pack, for: .ship).count == 1)
    }

    @Test func `a run whose record is torn is pending, so that it is told, and keeps no other from its turn`() throws {
        let bench = try Bench()
        let before = Bench.date.adding(days: -1)
        for date in [before, Bench.date] {
            try bench.leave(.pack, .done, on: date)
            try bench.leaveUnit(.pack, "acme", on: date)
        }
        try TreeBuilder(try bench.run(before).directory).file("pack.json", text: "{ \"attempt\": ")
        let runs = try PendingRuns(try bench.context()).after(.pack, for: .ship)
        #expect(runs.map(\.date) == [before, Bench.date])
    }
}

/// The zone belongs to the whole process.
private func checkMidnight() throws {
    try Clock.useTimeZone("Europe/Berlin")
    let bench = try Bench()
    for (moment, day) in [
        ("2026-11-20T22:59:59Z", "2026-11-19"), ("2026-11-20T23:00:00Z", "2026-11-20"),
        ("2026-06-20T21:59:59Z", "2026-06-19"), ("2026-06-20T22:00:00Z", "2026-06-20"),
    ] {
        let now = try #require(Timestamp(rfc3339: moment))
        let context = try bench.context(now: now)
        let dates = try PendingRuns(context).forCollect { (_: CivilDate) throws(Fault) in false }
        #expect(dates.map(\.description) == [day], "\(moment)")
    }
}
