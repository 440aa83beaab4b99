import AWS
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct AdaptivePaceTests {
    private static let backoff = Backoff(base: 1, cap: 8, deadline: 60, leastTries: 2)

    @Test(
        "What ends a call, and what it waits for",
        arguments: [
            (1, ErrorClass.permanent, 0.0, nil, nil), (1, .retry, 0, nil, 0.5), (3, .retry, 0, nil, 2),
            (9, .retry, 0, nil, 4), (9, .retry, 59, nil, nil), (1, .retry, 600, nil, 0.5), (1, .throttle, 0, 7, 7.5),
            (1, .throttle, 0, 61, nil), (1, .clockSkew, 0, nil, 0), (1, .credentials, 0, nil, 0),
            (1, .redirect, 0, nil, 0),
            (4, .redirect, 0, nil, nil),
        ] as [(Int, ErrorClass, Double, Double?, Double?)])
    func delay(attempts: Int, failure: ErrorClass, elapsed: Double, advice: Double?, expected: Double?) {
        let pace = AdaptivePace(most: 4, backoff: Self.backoff, pace: TestPace().pace)
        #expect(pace.delay(after: attempts, failure, elapsed: elapsed, advice: advice) == expected)
    }

    @Test("SlowDown halves what is under way, other failures don't, and successes bring it back")
    func window() throws {
        let pace = AdaptivePace(most: 8, pace: TestPace().pace)
        for failure in [nil, ErrorClass.retry, .permanent, .clockSkew, .credentials, .redirect] {
            try pace.admit()
            pace.ended(failure)
        }
        #expect(pace.window == 8)
        try pace.admit()
        pace.ended(.throttle)
        #expect(pace.window == 4)
        for _ in 0..<100 {
            try pace.admit()
            pace.ended(nil)
        }
        #expect(pace.window == 8)
    }

    @Test("An end that nobody told gives its place back with the next admission, and a second end changes nothing")
    func forgotten() throws {
        let pace = AdaptivePace(most: 1, pace: TestPace().pace)
        for _ in 0..<5 { try pace.admit() }
        pace.ended(.retry)
        pace.ended(.throttle)
        #expect(pace.window == 1)
        try pace.admit()
    }

    @Test("What the service asks to wait holds for all")
    func advice() throws {
        let time = TestPace(random: 0)
        let pace = AdaptivePace(most: 4, pace: time.pace)
        try pace.admit()
        pace.ended(.throttle)
        #expect(pace.delay(after: 1, .throttle, elapsed: 0, advice: 9) == 9)
        try pace.admit()
        #expect(time.pauses == [9])
    }

    @Test("Threads have one request each, and no more than the window together")
    func threads() async throws {
        let pace = AdaptivePace(most: 3, pace: TestPace().pace)
        let underWay = Monitor((now: 0, most: 0))
        try await onOwnThread {
            let crew = ThreadCrew()
            for number in 0..<8 {
                try crew.start("call-\(number)") {
                    for round in 0..<200 {
                        try pace.admit()
                        underWay.with { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                        underWay.with { $0.now -= 1 }
                        pace.ended((round + number) % 40 == 0 ? .throttle : nil)
                    }
                }
            }
            try crew.join()
        }
        #expect(underWay.with { $0.now } == 0)
        #expect((1...3).contains(underWay.with { $0.most }))
    }
}
