import AWS
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct AdaptivePaceTests {
    private static let backoff = Backoff(base: 1, cap: 8, deadline: 60, leastTries: 2)

    @Test(
        "What a call waits for, and when it is given up",
        arguments: [
            (1, 0.0, nil, 0.5), (3, 0, nil, 2), (9, 0, nil, 4), (9, 59, nil, nil), (1, 600, nil, 0.5), (1, 0, 7, 7.5),
            (1, 0, 61, nil),
        ] as [(Int, Double, Double?, Double?)])
    func delay(attempts: Int, elapsed: Double, advice: Double?, expected: Double?) {
        let pace = AdaptivePace(most: 4, backoff: Self.backoff, time: TestPace().pace)
        #expect(pace.delay(after: attempts, elapsed: elapsed, advice: advice) == expected)
    }

    @Test("SlowDown halves what is under way, what is no answer changes nothing, and answers bring it back")
    func window() throws {
        let pace = AdaptivePace(most: 8, time: TestPace().pace)
        pace.ended(try pace.admit(), .throttled(retryAfter: nil))
        #expect(pace.window == 4)
        for _ in 0..<100 { pace.ended(try pace.admit(), .other) }
        #expect(pace.window == 4)
        for _ in 0..<100 { pace.ended(try pace.admit(), .answered) }
        #expect(pace.window == 8)
    }

    @Test(
        "What the service asks to wait holds for all, but for no longer than calls are tried",
        arguments: [(9.0, 9.0), (61, 60), (86_400, 60)])
    func advice(seconds: Double, expected: Double) throws {
        let time = TestPace(random: 0)
        let pace = AdaptivePace(most: 4, backoff: Self.backoff, time: time.pace)
        pace.ended(try pace.admit(), .throttled(retryAfter: seconds))
        pace.ended(try pace.admit(), .answered)
        #expect(time.pauses == [expected])
    }

    @Test("A thread may have a request under way within another one")
    func nested() throws {
        let pace = AdaptivePace(most: 4, time: TestPace().pace)
        let outer = try pace.admit()
        pace.ended(try pace.admit(), .other)
        // Of one round, which counts once.
        let inner = try pace.admit()
        pace.ended(inner, .throttled(retryAfter: nil))
        pace.ended(outer, .throttled(retryAfter: nil))
        #expect(pace.window == 2)
        let permits = [try pace.admit(), try pace.admit()]
        for permit in permits { pace.ended(permit, .answered) }
    }
}
