import Glibc
import Ledger
import Platform
import Staging
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct StageAttemptTests {
    /// An attempt over units `u0`, `u1`, ...: those in `failing` throw, those in `warned` need eyes.
    private func attempt(
        _ bench: Bench, units: Int = 3, failing: Set<Int> = [], warned: Set<Int> = [], before: Int = 0,
        upstream: String? = "upstream", isComplete: Bool = true, narrowed: Bool = false, atOnce: Int = 2
    ) async throws -> StageRecord {
        try await onOwnThread {
            let context = try bench.context { if narrowed { $0.only = [Glob("u*")] } }
            let attempt = try StageAttempt(.pack, of: try bench.run(), context)
            let records = (0..<before).map { number in
                var record = bench.unitRecord(.pack, "before\(number)")
                (record.bytesIn, record.bytesOut) = (1_000, 100)
                return record
            }
            try attempt.open(upstream: upstream, units: units + before, before: records)
            let opened = try bench.run().stageRecord(.pack)
            #expect(opened?.state == .running && opened?.attempt == attempt.id && opened?.upstream == upstream)
            #expect(opened?.units == units + before && opened?.skipped == before)
            try attempt.perform(Array(0..<units), atOnce: atOnce, name: { "u\($0)" }) { unit in
                if failing.contains(unit) { throw Fault(.io, "unit \(unit) broke", hint: "Mend it.") }
                return .init(bytesIn: 10, bytesOut: 1, warnings: warned.contains(unit) ? ["one", "two", "three"] : [])
            }
            let closed = try attempt.close(isComplete: isComplete)
            let read = try bench.run().stageRecord(.pack)
            #expect(read == closed)
            return closed
        }
    }

    @Test func `all units done close the record as done`() async throws {
        let bench = try Bench()
        let record = try await attempt(bench, units: 20, before: 2, atOnce: 7)
        #expect(record.state == .done)
        #expect(record.units == 22 && record.done == 20 && record.skipped == 2)
        #expect(record.bytesIn == 2_200 && record.bytesOut == 220)
        #expect(record.failed == [] && record.warnings == [])
        #expect(record.startedAt == Bench.now.rfc3339 && record.finishedAt == Bench.now.rfc3339)
        #expect(record.host == ProcessIdentity.host && record.pid == ProcessIdentity.pid && record.seconds >= 0)
        let names = try bench.run().directory.names().sorted()
        #expect(names == ["pack.json"], "the lock is gone")
    }

    @Test func `what the units of an attempt cost is added up by vault, and told by no attempt after it`() async throws
    {
        let bench = try Bench()
        try await onOwnThread {
            let attempt = try StageAttempt(.ship, of: try bench.run(), try bench.context())
            let date = try #require(CivilDate("2026-01-01"))
            try attempt.open(upstream: "up", units: 4, before: [], pricesOf: date)
            try attempt.perform(Array(0..<4), atOnce: 3, name: { "u\($0)" }) { unit in
                let one = CostEstimate(objects: 3, bytes: 10, requests: 7, now: 0.5, month: 0.25)
                return .init(costs: unit == 3 ? [:] : ["cold": one, "far": one])
            }
            let closed = try attempt.close(isComplete: true)
            let sum = CostEstimate(objects: 9, bytes: 30, requests: 21, now: 1.5, month: 0.75)
            #expect(closed.costs == ["cold": sum, "far": sum] && closed.pricesOf == "2026-01-01")
        }
        let later = try await onOwnThread {
            try StageAttempt(.ship, of: try bench.run(), try bench.context()).previousIfComplete(
                upstream: "up", pending: 0)
        }
        let same = try #require(later)
        #expect(same.skipped == 4 && same.costs == nil)
    }

    @Test func `a unit that fails fails alone`() async throws {
        let record = try await attempt(try Bench(), units: 9, failing: [1, 5])
        #expect(record.state == .partial)
        #expect(record.done == 7)
        #expect(
            record.failed == [
                .init(unit: "u1", why: "unit 1 broke", reason: "io"),
                .init(unit: "u5", why: "unit 5 broke", reason: "io"),
            ])
    }

    @Test func `nothing but failures is a failure, unless something was done before`() async throws {
        let failed = try await attempt(try Bench(), units: 2, failing: [0, 1])
        #expect(failed.state == .failed)
        let partial = try await attempt(try Bench(), units: 2, failing: [0, 1], before: 1)
        #expect(partial.state == .partial)
    }

    @Test func `a warning makes it partial and tells the first of each unit`() async throws {
        let record = try await attempt(try Bench(), warned: [2, 0])
        #expect(record.state == .partial && record.done == 3)
        #expect(
            record.warnings == [
                .init(unit: "u0", why: "one (and 2 more)"), .init(unit: "u2", why: "one (and 2 more)"),
            ])
    }

    @Test func `units that were left make it partial, and so does a selection`() async throws {
        let incomplete = try await attempt(try Bench(), isComplete: false)
        #expect(incomplete.state == .partial && incomplete.failed == [])
        let narrowed = try await attempt(try Bench(), narrowed: true)
        #expect(narrowed.state == .partial)
    }

    @Test func `a selection from a run that was done leaves it done, unless the stage before began anew`() async throws
    {
        let bench = try Bench()
        try bench.leave(.pack, .done, upstream: "upstream")
        let again = try await attempt(bench, narrowed: true)
        #expect(again.state == .done)
        let other = try Bench()
        try other.leave(.pack, .done, upstream: "an older one")
        let anew = try await attempt(other, narrowed: true)
        #expect(anew.state == .partial)
    }

    @Test func `no units at all are done`() async throws {
        let record = try await attempt(try Bench(), units: 0)
        #expect(record.state == .done && record.units == 0)
    }

    @Test(
        arguments: [
            (.done, "upstream", [], [], 0, true), (.done, "upstream", [], [], 1, false),
            (.done, "older", [], [], 0, false),
            (.partial, "upstream", [], [], 0, false), (.partial, "upstream", [], ["w"], 0, true),
            (.partial, "upstream", ["f"], ["w"], 0, false), (.failed, "upstream", ["f"], [], 0, false),
            (.running, "upstream", [], [], 0, false),
        ] as [(StageRecord.State, String, [String], [String], Int, Bool)])
    func `the attempt before stands when it left nothing to do`(
        state: StageRecord.State, upstream: String, failed: [String], warnings: [String], pending: Int, stands: Bool
    ) throws {
        let bench = try Bench()
        var record = try bench.leave(.pack, state, upstream: upstream)
        record.failed = failed.map { .init(unit: $0, why: "broke") }
        record.warnings = warnings.map { .init(unit: $0, why: "look") }
        (record.units, record.done, record.skipped, record.seconds) = (5, 3, 2, 9)
        try bench.run().write(record)
        let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context())
        let previous = attempt.previousIfComplete(upstream: "upstream", pending: pending)
        #expect((previous != nil) == stands)
        if let previous {
            // Told as what this attempt did: nothing.
            #expect(previous.done == 0 && previous.skipped == 5 && previous.seconds == 0)
            #expect(previous.attempt == "first" && previous.warnings == record.warnings.map(\.earlier))
        }
        let untouched = try bench.run().stageRecord(.pack)
        #expect(untouched == record)
    }

    // MARK: What earlier attempts found

    @Test func `a failure stands until its unit is tried again, or done`() async throws {
        let bench = try Bench()
        var record = try bench.leave(.pack, .partial, upstream: "upstream")
        record.failed = ["u0", "u1", "u2", "u3", "_attempt"].map { .init(unit: $0, why: "broke") }
        try bench.run().write(record)
        let closed = try await onOwnThread {
            let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context { $0.only = [Glob("u[12]")] })
            // u3 was done by somebody else meanwhile.
            try attempt.open(
                upstream: "upstream", units: 4, before: [bench.unitRecord(.pack, "u3")], open: ["u1", "u2", "u0"])
            let opened = try bench.run().stageRecord(.pack)?.failed.map(\.unit)
            #expect(opened == ["u0", "u1", "u2"])
            try attempt.perform([1, 2], atOnce: 2, name: { "u\($0)" }) { unit in
                if unit == 2 { throw Fault(.io, "broke again") }
                return .init()
            }
            return try attempt.close(isComplete: false)
        }
        #expect(closed.state == .partial && closed.done == 1)
        #expect(
            closed.failed == [
                .init(unit: "u0", why: "broke", isEarlier: true), .init(unit: "u2", why: "broke again", reason: "io"),
            ])
    }

    @Test func `warnings of units that were done before make it partial, too`() async throws {
        let bench = try Bench()
        let closed = try await onOwnThread {
            let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context())
            var before = bench.unitRecord(.pack, "u0")
            before.warnings = ["one", "two"]
            try attempt.open(
                upstream: nil, units: 2, before: [before, bench.unitRecord(.pack, "u1")], open: ["u2"])
            try attempt.perform([2], atOnce: 1, name: { "u\($0)" }) { _ in .init() }
            return try attempt.close(isComplete: true)
        }
        #expect(closed.state == .partial)
        #expect(closed.warnings == [.init(unit: "u0", why: "one (and 1 more)", isEarlier: true)])
    }

    // MARK: Attempts that come to no units

    @Test func `what stops an attempt before its units is recorded`() throws {
        let bench = try Bench()
        do {
            let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context())
            let failure = fault {
                try attempt.recordingFailure(upstream: "upstream") { () throws -> Int in
                    throw Fault(.damaged, "web1: the list is torn")
                }
            }
            #expect(failure?.message == "web1: the list is torn")
        }
        let record = try bench.run().stageRecord(.pack)
        #expect(record?.state == .failed && record?.upstream == "upstream" && record?.finishedAt != nil)
        #expect(record?.failed == [.init(unit: "_attempt", why: "web1: the list is torn", reason: "damaged")])
        let row = try StatusReport([bench.context().directory]).rows[1]
        #expect(row.state == "failed" && row.why == "web1: the list is torn")
    }

    @Test(arguments: [Fault.Code.tryLater, .interrupted]) func `what only asks to wait is not`(code: Fault.Code) throws
    {
        let bench = try Bench()
        let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context())
        try expectFault(code) {
            try attempt.recordingFailure(upstream: "upstream") { () throws -> Int in throw Fault(code, "wait") }
        }
        #expect(try bench.run().stageRecord(.pack) == nil)
    }

    @Test func `what stops an attempt in the middle keeps what came of its units`() async throws {
        let bench = try Bench()
        let failure = try await onOwnThread {
            let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context())
            return fault {
                try attempt.recordingFailure(upstream: nil) { () throws -> Int in
                    try attempt.open(upstream: "upstream", units: 3, before: [])
                    try attempt.perform([0, 1], atOnce: 1, name: { "u\($0)" }) { unit in
                        if unit == 1 { throw Fault(.io, "broke") }
                        return .init(bytesIn: 10)
                    }
                    throw Fault(.limit, "no thread left")
                }
            }
        }
        #expect(failure?.code == .limit)
        let record = try bench.run().stageRecord(.pack)
        #expect(record?.state == .failed && record?.done == 1 && record?.units == 3 && record?.bytesIn == 10)
        #expect(
            record?.failed == [
                .init(unit: "_attempt", why: "no thread left", reason: "limit"),
                .init(unit: "u1", why: "broke", reason: "io"),
            ])
    }

    @Test(arguments: [(StageRecord.State.done, true), (.partial, false), (.failed, false), (.running, false)])
    func `a run that can't be begun is recorded as failed, unless it is done`(state: StageRecord.State, stays: Bool)
        throws
    {
        let bench = try Bench()
        var record = try bench.leave(.ship, state, upstream: "first")
        record.units = 7
        record.failed = [.init(unit: "acme", why: "broke")]
        try bench.run().write(record)
        let vault = Fault(.unmounted, "vault disk: no guard")
        try StageAttempt.recordFailure(vault, .ship, of: bench.run(), upstream: "first", bench.context())
        let after = try bench.run().stageRecord(.ship)
        if stays { return #expect(after == record) }
        #expect(after?.state == .failed && after?.units == 7)
        #expect(
            after?.failed == [
                .init(unit: "_attempt", why: "vault disk: no guard", reason: "unmounted"),
                .init(unit: "acme", why: "broke", isEarlier: true),
            ])
        // One that is done from other archives is not.
        try bench.run().write(record)
        try StageAttempt.recordFailure(vault, .ship, of: bench.run(), upstream: "second", bench.context())
        let other = try bench.run().stageRecord(.ship)
        #expect(other?.state == .failed && other?.upstream == "second")
    }

    @Test func `an attempt that runs is not recorded over`() throws {
        let bench = try Bench()
        let attempt = try StageAttempt(.ship, of: try bench.run(), try bench.context())
        try attempt.open(upstream: nil, units: 1, before: [])
        let vault = Fault(.unmounted, "vault disk: no guard")
        try StageAttempt.recordFailure(vault, .ship, of: bench.run(), upstream: nil, bench.context())
        #expect(try bench.run().stageRecord(.ship)?.state == .running)
        withExtendedLifetime(attempt) {}
    }

    @Test func `there is nothing to stand without an attempt before`() throws {
        let bench = try Bench()
        let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context())
        let previous = attempt.previousIfComplete(upstream: nil, pending: 0)
        #expect(previous == nil)
    }

    @Test func `one attempt at a time, and other stages beside it`() throws {
        let bench = try Bench()
        let (run, context) = (try bench.run(), try bench.context())
        #expect(try !StageAttempt.isRunning(.pack, run))
        do {
            let attempt = try StageAttempt(.pack, of: run, context)
            #expect(try StageAttempt.isRunning(.pack, run))
            #expect(try !StageAttempt.isRunning(.ship, run))
            let failure = fault { try StageAttempt(.pack, of: run, context) }
            #expect(failure?.code == .tryLater)
            #expect(failure?.message.hasPrefix("the lock of pack siem 2026-11-20 is held by process ") == true)
            let other = try StageAttempt(.ship, of: run, context)
            #expect(other.id != attempt.id)
            withExtendedLifetime((attempt, other)) {}
        }
        #expect(try !StageAttempt.isRunning(.pack, run))
    }

    @Test func `what a crash left is swept when the lock is taken`() throws {
        let bench = try Bench()
        let run = try bench.run()
        let tree = TreeBuilder(run.directory)
        try tree.file("pack/.acme.tar.gz.partial")
        try tree.file("pack/acme.tar.gz")
        let attempt = try StageAttempt(.pack, of: run, try bench.context())
        #expect(try run.directory.directory("pack").names() == ["acme.tar.gz"])
        withExtendedLifetime(attempt) {}
    }

    @Test func `a signal closes the record as failed`() async {
        await #expect(processExitsWith: .success) { try stopBySignal() }
    }

    @Test func `a selection takes units by glob and tenant`() throws {
        var request = StageContext.Request()
        #expect(!request.isNarrowed && request.selects("web1"))
        expectNoFault { try request.checkMatches(false, "host") }
        request.only = [Glob("web*"), Glob("db[12]")]
        #expect(request.isNarrowed)
        #expect(request.selects("web1") && request.selects("db2") && !request.selects("db3"))
        request.tenant = Glob("ac*")
        #expect(request.selects("web1", tenant: "acme") && !request.selects("web1", tenant: "other"))
        #expect(!request.selects("web1") && !request.selects("x", tenant: "acme"))
        expectNoFault { try request.checkMatches(true, "host") }
        try expectFault(.notFound) { try request.checkMatches(false, "host") }
        // A host has no one tenant.
        #expect(request.selects(host: "web1") && !request.selects(host: "x"))
        request.only = []
        #expect(request.selects(host: "x"))
    }
}

/// Stops an attempt in the middle of its units; only for a process of its own.
private func stopBySignal() throws {
    let before = threads()
    Shutdown.install()
    // A test process has threads from before that do not block the signal: it goes to the thread that waits for it.
    let listeners = threads().subtracting(before)
    let bench = try Bench()
    let attempt = try StageAttempt(.pack, of: try bench.run(), try bench.context())
    try attempt.open(upstream: nil, units: 9, before: [])
    let begun = Counter()
    let failure = fault {
        try attempt.perform(Array(0..<9), atOnce: 1, name: { "u\($0)" }) { unit in
            begun.add(1)
            if unit == 2 {
                for thread in listeners { _ = tgkill(getpid(), thread, SIGTERM) }
                let end = Clock.monotonic() + 30
                while Shutdown.requested == nil && Clock.monotonic() < end { usleep(1_000) }
                try Shutdown.check()
            }
            return .init()
        }
    }
    try #require(failure?.code == .interrupted)
    try #require(begun.value == 3)
    let record = try bench.run().stageRecord(.pack)
    try #require(record?.state == .failed && record?.done == 2)
    try #require(record?.failed == [.init(unit: "_attempt", why: "stopped by a signal", reason: "interrupted")])
}

/// The threads of this process by number.
private func threads() -> Set<Int32> {
    guard let names = try? Directory.open("/proc/self/task").names() else { return [] }
    return Set(names.compactMap { Int32($0.description) })
}

@_silgen_name("tgkill")
private func tgkill(_ process: Int32, _ thread: Int32, _ number: Int32) -> Int32
