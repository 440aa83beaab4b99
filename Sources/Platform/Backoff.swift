/// How long to wait before an operation is tried again, and when to give up.
///
/// A pause is a random part of a span that doubles from try to try ("full jitter"), so that those who failed together
/// don't come back together.
package struct Backoff: Sendable, Equatable {
    /// The longest pause after the first failure, in seconds.
    package var base: Double
    /// The longest pause of all, in seconds.
    package var cap: Double
    /// Seconds from the first failure after which no further try begins.
    ///
    /// Not from the first try, which may have gone well for an hour before its connection was lost.
    package var deadline: Double
    /// So many tries are made even where each takes longer than the deadline.
    package var leastTries: Int

    package init(base: Double = 0.25, cap: Double = 20, deadline: Double = 600, leastTries: Int = 3) {
        self.base = max(0, base)
        self.cap = max(self.base, cap)
        self.deadline = deadline
        self.leastTries = leastTries
    }

    /// The longest pause after so many failures, at least 1.
    package func ceiling(afterFailures failures: Int) -> Double {
        // Beyond 2^60 the cap has long been reached.
        min(cap, base * Double(Int64(1) << min(60, max(0, failures - 1))))
    }

    /// Seconds to wait before the next try, or nothing when it is time to give up.
    ///
    /// - Parameters:
    ///   - failures: how often it has failed, at least 1.
    ///   - elapsed: seconds since the first failure.
    ///   - retryAfter: what the server asks to wait; the pause is never shorter.
    ///   - random: a number from 0 up to 1.
    /// - Returns: seconds, 0 to go on at once.
    package func pause(afterFailures failures: Int, elapsed: Double, retryAfter: Double?, random: Double) -> Double? {
        let jitter = ceiling(afterFailures: failures) * random
        // Those whom a server tells the same time must not come back together either.
        let pause = jitter + max(0, retryAfter ?? 0)
        if elapsed + pause <= deadline { return pause }
        // A server may ask for more than there is time; who is asked that gives up at once.
        guard failures < leastTries, pause <= max(deadline, cap) else { return nil }
        return pause
    }
}
