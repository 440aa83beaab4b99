import Glibc
import Ledger
import Platform
import Settings
import Staging
import TestSupport
import Testing

struct StatusReportTests {
    @Test func `every stage of every run has a row`() throws {
        let bench = try Bench()
        let job = try bench.context().directory
        let none = try StatusReport([job])
        #expect(none.rows.isEmpty && none.pauses.isEmpty)
        var record = try bench.leave(.collect, .partial)
        record.failed = [.init(unit: "web1", why: "no route"), .init(unit: "web2", why: "no route")]
        record.warnings = [.init(unit: "web3", why: "a file vanished")]
        (record.units, record.bytesIn, record.bytesOut, record.seconds) = (5, 7, 8, 1.5)
        record.finishedAt = "2026-11-21T00:10:00Z"
        try bench.run().write(record)
        _ = try bench.run(Bench.date.adding(days: -1))
        let report = try StatusReport([job])
        #expect(
            report.rows.map(\.run) == Array(repeating: "2026-11-19", count: 3)
                + Array(repeating: "2026-11-20", count: 3))
        #expect(report.rows.map(\.stage) == Stage.allCases + Stage.allCases)
        #expect(report.rows.map(\.state) == ["waiting", "waiting", "waiting", "partial", "waiting", "waiting"])
        let row = report.rows[3]
        #expect(row.units == 5 && row.failed == 2 && row.bytesIn == 7 && row.bytesOut == 8 && row.seconds == 1.5)
        #expect(row.why == "web1: no route (and 2 more)")
        #expect(row.startedAt == "2026-11-21T00:00:00Z" && row.finishedAt == "2026-11-21T00:10:00Z")
        let one = try StatusReport([job], run: Bench.date)
        #expect(one.rows.map(\.run) == Array(repeating: "2026-11-20", count: 3))
    }

    @Test func `a pause that is torn is told with its file, and hides no row`() throws {
        let bench = try Bench()
        let job = try bench.context().directory
        try bench.leave(.collect, .done)
        try TreeBuilder(job.directory).file("pack.paused.json", text: "{ \"why\": ")
        let report = try StatusReport([job])
        #expect(report.rows.count == 3 && report.pauses.isEmpty)
        let why = try #require(report.unreadable["pack siem"])
        #expect(why.contains("/siem/pack.paused.json: ") && why.contains("'pack resume siem' removes it"), "\(why)")
        try expectFault(.damaged, "pack.paused.json") { try job.checkNotPaused(.pack) }
    }

    @Test func `an attempt whose process is gone is dead`() throws {
        let bench = try Bench()
        let job = try bench.context().directory
        try bench.leave(.pack, .running)
        let dead = try StatusReport([job]).rows[1]
        #expect(dead.state == "dead" && dead.why == "its process is gone; 'pack siem --run 2026-11-20' goes on")
        do {
            let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context())
            #expect(try StatusReport([job]).rows[1].state == "running")
            withExtendedLifetime(attempt) {}
        }
        #expect(try StatusReport([job]).rows[1].state == "dead")
        try TreeBuilder(try bench.run().directory).file(".pack.lock", text: "edited")
        #expect(try StatusReport([job]).rows[1].state == "dead")
    }

    @Test(arguments: [
        (StageRecord.State.done, "done"), (.partial, "partial"), (.failed, "failed"),
    ])
    func `an attempt that has ended is what its record says`(state: StageRecord.State, word: String) throws {
        let bench = try Bench()
        try bench.leave(.ship, state)
        let report = try StatusReport([bench.context().directory])
        #expect(report.rows[2].state == word)
        #expect(report.rows[2].why == nil)
    }

    @Test func `pauses are told by stage and job`() throws {
        let bench = try Bench()
        let job = try bench.context().directory
        let pause = JobDirectory.Pause(why: "disks", since: "now", by: "anna")
        try job.setPause(pause, .ship)
        #expect(try StatusReport([job]).pauses == ["ship siem": pause])
    }
}

struct CheckReportTests {
    private func report(_ bench: Bench, now: Timestamp = Bench.now) throws -> [String] {
        let jobs = try [bench.configuration.job("siem")]
        return CheckReport(bench.configuration, jobs, clock: Clock { now }).items
            .map {
                ($0.isGood ? "ok " : "bad ") + $0.what.replacing(bench.top.path, with: "") + ($0.why == nil ? "" : "!")
            }
    }

    @Test func `what is missing is told item by item`() async {
        // A check sets the time zone of the process.
        await #expect(processExitsWith: .success) { try checkReport() }
    }

    @Test func `what is no fault is told, and a channel's directory is looked at`() async {
        await #expect(processExitsWith: .success) { try checkNotes() }
    }

    fileprivate static func notes() throws {
        unsetenv("CREDENTIALS_DIRECTORY")
        let top = try TemporaryDirectory()
        let tree = try TreeBuilder(top.path)
        for host in ["web1", "web2"] { try tree.directory(ByteString("\(host)/20261120")) }
        try tree.file("web2/20261120/_READY", text: "")
        try tree.directory("state")
        try tree.file(
            "coldchain.toml",
            text: """
                state = "\(top.path)/state"
                [vault.disk]
                url = "file://\(top.path)/vault"
                [notify.channel.chat]
                kind = "slack"
                url = { credential = "chat" }
                [notify.channel.figures]
                kind = "textfile"
                directory = "\(top.path)/nowhere"

                """)
        let text = Bench.dated.replacing("/mnt/", with: "\(top.path)/")
        try tree.file("jobs.d/siem.toml", text: text + "ready = \"_READY\"\n")
        let configuration = try Configuration.load(top.path + "/coldchain.toml", environment: [:])
        let report = CheckReport(configuration, [try configuration.job("siem")], clock: Clock { Bench.now })
        func item(_ what: String) -> CheckReport.Item? { report.items.first { $0.what.hasPrefix(what) } }
        let chat = item("channel chat")
        try #require(chat?.isGood == true && chat?.why == "credential 'chat' not looked at: the units alone have it")
        try #require(item("channel figures")?.isGood == false)
        let late = item("job siem: source of web1")
        try #require(late?.isGood == true && late?.why == "is not ready yet, '_READY' is not there")
        try #require(item("job siem: source of web2")?.why == nil)
    }

    fileprivate static func run() throws {
        let bench = try Bench()
        let tests = CheckReportTests()
        let good = [
            "ok settings /coldchain.toml", "ok clock 2026-11-21T12:00:00Z", "ok state directory /state",
            "ok staging /staging",
        ]
        let job = [
            "ok job siem", "ok job siem: time zone UTC", "bad job siem: source of web1 /mnt/web1/20261120!",
            "bad job siem: source of web2 /mnt/web2/20261120!",
        ]
        let unplanted = try tests.report(bench)
        let made = try bench.staging.names()
        try #require(made == [MountGuard.name], "a check makes nothing")
        let state = try bench.state.names()
        try #require(state == ["guards"], "there neither")
        #expect(unplanted == good + ["bad vault disk file:///vault!"] + job)
        _ = try MountGuard(bench.top.path + "/vault", state: bench.state).plant(local: true)
        let planted = try tests.report(bench)
        #expect(planted == good + ["ok vault disk file:///vault"] + job)
        _ = try bench.context()
        let paused = try bench.context().directory
        try paused.setPause(.init(why: "disks", since: "now", by: "anna"), .pack)
        let told = CheckReport(bench.configuration, [try bench.configuration.job("siem")], clock: Clock { Bench.now })
        let item = told.items.first { $0.what == "job siem: pack" }
        try #require(item?.isGood == true && item?.why == "is paused since now by anna: disks")
        try paused.setPause(nil, .pack)
        let past = try tests.report(bench, now: Timestamp(seconds: 1_000_000))
        #expect(past[1] == "bad clock 1970-01-12T13:46:40Z!")
        try bench.staging.remove(MountGuard.name)
        let unmounted = try tests.report(bench)
        #expect(unmounted[3] == "bad staging /staging!")
        try Directory.open(bench.top.path).removeTree("state")
        let fresh = try tests.report(bench)
        try #require(fresh == Array(good.prefix(2)) + ["bad state directory /state!"])
        let isMade = try Directory.open(bench.top.path).exists("state")
        try #require(!isMade)
    }
}

private func checkReport() throws { try CheckReportTests.run() }

private func checkNotes() throws { try CheckReportTests.notes() }
