import Platform
import TestSupport
import Testing

struct BackoffTests {
    private static let backoff = Backoff(base: 1, cap: 30, deadline: 100, leastTries: 3)

    @Test(
        "The ceiling doubles from failure to failure up to the cap",
        arguments: [(1, 1.0), (2, 2), (3, 4), (5, 16), (6, 30), (7, 30), (63, 30), (64, 30), (10_000, 30), (0, 1)])
    func ceiling(failures: Int, expected: Double) {
        #expect(Self.backoff.ceiling(afterFailures: failures) == expected)
    }

    @Test(
        "A pause is a random part of the ceiling",
        arguments: [(1, 0.0, 0.0), (1, 0.5, 0.5), (3, 0.25, 1), (4, 0.75, 6), (9, 0.5, 15)])
    func pause(failures: Int, random: Double, expected: Double) {
        let pause = Self.backoff.pause(afterFailures: failures, elapsed: 0, retryAfter: nil, random: random)
        #expect(pause == expected)
    }

    @Test(
        "A server that asks to wait is not tried before, and those whom it asks don't come back together",
        arguments: [(5.0, 0.0, 5.0), (5, 0.5, 5.5), (0, 0.5, 0.5), (-3, 0.5, 0.5)])
    func retryAfter(asked: Double, random: Double, expected: Double) {
        #expect(Self.backoff.pause(afterFailures: 1, elapsed: 0, retryAfter: asked, random: random) == expected)
    }

    @Test(
        "No try begins beyond the deadline, but a few are made even then",
        arguments: [
            (9, 90.0, 0.0, true), (9, 100, 0, true), (9, 90, 0.5, false), (3, 101, 0, false), (2, 101, 0, true),
            (1, 5_000, 0.5, true),
        ])
    func deadline(failures: Int, elapsed: Double, random: Double, goesOn: Bool) {
        let pause = Self.backoff.pause(afterFailures: failures, elapsed: elapsed, retryAfter: nil, random: random)
        #expect((pause != nil) == goesOn)
    }

    @Test("A server that asks for more than there is time ends it at once")
    func tooLong() {
        #expect(Self.backoff.pause(afterFailures: 1, elapsed: 0, retryAfter: 101, random: 0) == nil)
        #expect(Self.backoff.pause(afterFailures: 1, elapsed: 0, retryAfter: 100, random: 0) == 100)
    }
}
