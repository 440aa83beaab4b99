import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct RetryingTests {
    /// Fails with one fault after the other, then succeeds.
    private final class Scripted: Sendable {
        private let faults: [Fault]
        private let calls = Counter()
        init(_ retries: [Fault.Retry], retryAfter: Double? = nil) {
            faults = retries.enumerated().map {
                Fault(.io, "try \($0.offset + 1) failed", retry: $0.element, retryAfter: retryAfter)
            }
        }
        var count: Int { Int(calls.value) }
        func run(_ number: Int) throws(Fault) -> String {
            #expect(number == count + 1)
            calls.add(1)
            if number <= faults.count { throw faults[number - 1] }
            return "done"
        }
    }

    private static let backoff = Backoff(base: 1, cap: 8, deadline: 60, leastTries: 2)

    @Test(
        "What succeeds in the end, after which waits",
        arguments: [
            ([], []),
            ([.temporary], [0.5]),
            ([.temporary, .throttle, .temporary], [0.5, 1, 2]),
            ([.clock], []),
            ([.clock, .temporary], [1]),
            ([.temporary, .clock, .throttle], [0.5, 2]),
        ] as [([Fault.Retry], [Double])])
    func succeeds(retries: [Fault.Retry], pauses: [Double]) throws {
        let time = TestPace()
        let fixed = Counter()
        let script = Scripted(retries)
        let fix: @Sendable (Fault) throws(Fault) -> Void = { _ in fixed.add(1) }
        let retrying = Retrying(backoff: Self.backoff, pace: time.pace, correctClock: fix)
        #expect(try retrying.run(script.run) == "done")
        #expect(script.count == retries.count + 1)
        #expect(time.pauses == pauses)
        #expect(Int(fixed.value) == retries.count { $0 == .clock })
    }

    @Test(
        "What ends it at once, and the clock is corrected only once",
        arguments: [
            ([.permanent], 1, "try 1 failed"),
            ([.temporary, .permanent], 2, "try 2 failed (tried 2 times)"),
            ([.clock, .clock], 2, "try 2 failed (tried 2 times)"),
            ([.clock, .temporary, .clock], 3, "try 3 failed (tried 3 times)"),
            ([.temporary, .credentials], 2, "try 2 failed (tried 2 times)"),
        ] as [([Fault.Retry], Int, String)])
    func ends(retries: [Fault.Retry], tries: Int, message: String) throws {
        let script = Scripted(retries)
        let fix: @Sendable (Fault) throws(Fault) -> Void = { _ in }
        let retrying = Retrying(backoff: Self.backoff, pace: TestPace().pace, correctClock: fix)
        let fault = try expectFault(.io) { try retrying.run(script.run) }
        #expect(fault.message == message)
        #expect(script.count == tries)
    }

    @Test(
        "Without a way to correct the clock its fault is permanent, and that of credentials is in any case",
        arguments: [Fault.Retry.clock, .credentials])
    func nothingToFix(retry: Fault.Retry) throws {
        let script = Scripted([retry])
        let retrying = Retrying(backoff: Self.backoff, pace: TestPace().pace)
        try expectFault(.io, "try 1 failed") { try retrying.run(script.run) }
        #expect(script.count == 1)
    }

    @Test("What hinders the clock's correction is what is told")
    func correctionFails() throws {
        let script = Scripted([.clock])
        let retrying = Retrying(
            backoff: Self.backoff, pace: TestPace().pace,
            correctClock: { _ throws(Fault) in throw Fault(.permission, "no time") })
        try expectFault(.permission, "no time") { try retrying.run(script.run) }
    }

    @Test("It gives up when the time is over, and tells how often it has tried")
    func deadline() throws {
        let time = TestPace(seed: 7)
        let script = Scripted(Array(repeating: .temporary, count: 1_000))
        let retrying = Retrying(backoff: Self.backoff, pace: time.pace)
        let fault = try expectFault(.io) { try retrying.run(script.run) }
        #expect(script.count > 8)
        #expect(fault.message.hasSuffix("(tried \(script.count) times)"))
        #expect(time.now <= 60)
        #expect(time.now > 30)
        #expect(time.pauses.count == script.count - 1)
    }

    @Test("Time that a first try took well doesn't count")
    func longFirstTry() throws {
        let time = TestPace()
        let script = Scripted([.temporary])
        let retrying = Retrying(backoff: Self.backoff, pace: time.pace)
        let result = try retrying.run { number throws(Fault) in
            time.advance(3_600)
            return try script.run(number)
        }
        #expect(result == "done")
    }

    @Test("What a server asks to wait is waited for")
    func retryAfter() throws {
        let time = TestPace(random: 0)
        let retrying = Retrying(backoff: Self.backoff, pace: time.pace)
        #expect(try retrying.run(Scripted([.throttle], retryAfter: 9).run) == "done")
        #expect(time.now == 9)
    }

    @Test("A wait ends when its pace says so")
    func interrupted() throws {
        let stopped = Pace(
            now: { 0 }, sleep: { _ throws(Fault) in throw Fault(.interrupted, "stopped by a signal") }, random: { 0.5 })
        let retrying = Retrying(backoff: Self.backoff, pace: stopped)
        try expectFault(.interrupted) { try retrying.run(Scripted([.temporary]).run) }
    }

    @Test("The system's pace waits for about as long as asked, and gives chance below 1")
    func system() async throws {
        let began = Clock.monotonic()
        try await onOwnThread { try Pace.system.sleep(0.15) }
        let seconds = Clock.monotonic() - began
        #expect(seconds >= 0.15 && seconds < 10)
        let numbers = (0..<100).map { _ in Pace.system.random() }
        #expect(numbers.allSatisfy { (0..<1).contains($0) } && Set(numbers).count > 50)
    }
}
