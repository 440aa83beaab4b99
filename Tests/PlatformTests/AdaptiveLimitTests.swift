import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct AdaptiveLimitTests {
    /// One request alone.
    private func request(_ limit: AdaptiveLimit, _ outcome: AdaptiveLimit.Outcome) throws {
        limit.leave(try limit.enter(), outcome)
    }

    @Test("It begins with the most, a refusal halves it, and answers let it grow by one a round")
    func shape() throws {
        let limit = AdaptiveLimit(most: 16, pace: TestPace().pace)
        #expect(limit.window == 16)
        try request(limit, .throttled(retryAfter: nil))
        #expect(limit.window == 8)
        for _ in 0..<8 { try request(limit, .answered) }
        #expect(limit.window == 8, "a round of growing rounds is a little less than one")
        try request(limit, .answered)
        #expect(limit.window == 9)
        try request(limit, .other)
        #expect(limit.window == 9)
        for _ in 0..<200 { try request(limit, .answered) }
        #expect(limit.window == 16)
    }

    @Test("Refusals of requests that were under way together count once")
    func round() throws {
        let limit = AdaptiveLimit(most: 16, pace: TestPace().pace)
        let permits = try (0..<16).map { _ in try limit.enter() }
        for permit in permits { limit.leave(permit, .throttled(retryAfter: nil)) }
        #expect(limit.window == 8)
        let second = try (0..<8).map { _ in try limit.enter() }
        for permit in second { limit.leave(permit, .throttled(retryAfter: nil)) }
        #expect(limit.window == 4)
    }

    @Test("Where one request at a time is too many they keep a gap, which answers close again")
    func gap() throws {
        let time = TestPace()
        let limit = AdaptiveLimit(most: 1, pace: time.pace)
        var gaps: [Double] = []
        for _ in 0..<8 {
            try request(limit, .throttled(retryAfter: nil))
            gaps.append(limit.gap)
        }
        #expect(gaps == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])
        // Differences of moments are not exact.
        #expect(time.pauses.map { ($0 * 10).rounded() } == [1, 2, 4, 8, 16, 32, 50])
        var answers = 0
        while limit.gap > 0 {
            try request(limit, .answered)
            answers += 1
        }
        #expect(answers == 7)
        let before = time.now
        try request(limit, .answered)
        try request(limit, .answered)
        #expect(time.now - before < 0.2)
    }

    @Test("No request begins while the server asks to wait")
    func retryAfter() throws {
        let time = TestPace()
        let limit = AdaptiveLimit(most: 4, pace: time.pace)
        try request(limit, .throttled(retryAfter: 7))
        time.advance(2)
        try request(limit, .answered)
        #expect(time.pauses == [5])
        try request(limit, .answered)
        #expect(time.pauses == [5])
    }

    @Test("A wait that is broken off gives its place back")
    func interrupted() throws {
        let time = TestPace()
        let stopped = Pace(
            now: { time.now }, sleep: { _ throws(Fault) in throw Fault(.interrupted, "stopped") }, random: { 0 })
        let limit = AdaptiveLimit(most: 1, pace: stopped)
        try request(limit, .throttled(retryAfter: 3))
        try expectFault(.interrupted) { try limit.enter() }
        time.advance(4)
        try request(limit, .answered)
    }

    @Test("Many threads never have more under way than it allows, at no time")
    func threads() async throws {
        let underWay = Monitor((now: 0, most: 0, beyond: 0))
        let limit = AdaptiveLimit(most: 6, pace: TestPace().pace)
        try await onOwnThread {
            let crew = ThreadCrew()
            for number in 0..<12 {
                try crew.start("request-\(number)") {
                    var random = SplitMix64(seed: UInt64(number))
                    for _ in 0..<300 {
                        let permit = try limit.enter()
                        underWay.with { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.beyond + ($0.now >= 6 ? 1 : 0)) }
                        for _ in 0..<Int.random(in: 0...500, using: &random) { _ = random.next() }
                        underWay.with { $0.now -= 1 }
                        limit.leave(permit, random.next() % 50 == 0 ? .throttled(retryAfter: nil) : .answered)
                    }
                }
            }
            try crew.join()
        }
        let seen = underWay.with { $0 }
        #expect(seen.now == 0 && seen.beyond == 0)
    }

    @Test("Who is one too many waits until another one ends")
    func waits() async throws {
        let limit = AdaptiveLimit(most: 2, pace: TestPace().pace)
        let permits = [try limit.enter(), try limit.enter()]
        let hasEntered = Counter()
        let crew = ThreadCrew()
        try crew.start("third") {
            let permit = try limit.enter()
            hasEntered.add(1)
            limit.leave(permit, .answered)
        }
        try await Task.sleep(nanoseconds: 50_000_000)
        #expect(hasEntered.value == 0)
        limit.leave(permits[0], .other)
        #expect(try await eventually { hasEntered.value == 1 })
        limit.leave(permits[1], .other)
        try await onOwnThread { try crew.join() }
    }
}
