package import Platform

/// Paces all requests to one bucket by its answers: as many at once as it bears, and pauses that grow with every failure.
package struct AdaptivePace: RequestPace {
    private let limit: AdaptiveLimit
    private let backoff: Backoff
    package let time: Pace

    /// - Parameters:
    ///   - most: the most requests at once.
    ///   - backoff: pauses and the time after which a call is given up.
    ///   - time: time and chance.
    package init(most: Int, backoff: Backoff = Backoff(), time: Pace = .system) {
        limit = AdaptiveLimit(most: most, pace: time)
        self.backoff = backoff
        self.time = time
    }

    /// The most requests that may be under way now.
    package var window: Int { limit.window }

    package func admit() throws(Fault) -> AdaptiveLimit.Permit { try limit.enter() }

    package func ended(_ permit: AdaptiveLimit.Permit, _ outcome: AdaptiveLimit.Outcome) {
        guard case .throttled(let advice) = outcome else { return limit.leave(permit, outcome) }
        // The others don't wait longer than the one that was refused has to live.
        limit.leave(permit, .throttled(retryAfter: advice.map { min($0, backoff.deadline) }))
    }

    package func delay(after attempts: Int, elapsed: Double, advice: Double?) -> Double? {
        backoff.pause(afterFailures: attempts, elapsed: elapsed, retryAfter: advice, random: time.random())
    }
}
