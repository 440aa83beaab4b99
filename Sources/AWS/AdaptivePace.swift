import Glibc
package import Platform

/// Paces all requests to one bucket by its answers: as many at once as it bears, and pauses that grow with every failure.
///
/// A call runs on one thread from its admission to its end, so a thread has at most one request under way.
package final class AdaptivePace: RequestPace {
    private let limit: AdaptiveLimit
    private let backoff: Backoff
    private let pace: Pace
    private let permits = Monitor<[UInt: AdaptiveLimit.Permit]>([:])

    /// - Parameters:
    ///   - most: the most requests at once.
    ///   - backoff: pauses and the time after which a call is given up.
    ///   - pace: time and chance.
    package init(most: Int, backoff: Backoff = Backoff(), pace: Pace = .system) {
        limit = AdaptiveLimit(most: most, pace: pace)
        self.backoff = backoff
        self.pace = pace
    }

    /// The most requests that may be under way now.
    package var window: Int { limit.window }

    private static var thread: UInt { UInt(pthread_self()) }

    package func admit() throws(Fault) {
        // One whose end nobody told is over when its thread wants the next.
        if let left = permits.with({ $0.removeValue(forKey: Self.thread) }) { limit.leave(left, .other) }
        let permit = try limit.enter()
        permits.with { $0[Self.thread] = permit }
    }

    package func ended(_ failure: ErrorClass?) {
        guard let permit = permits.with({ $0.removeValue(forKey: Self.thread) }) else { return }
        switch failure {
        case nil, .permanent, .clockSkew, .credentials, .redirect: limit.leave(permit, .answered)
        case .throttle: limit.leave(permit, .throttled(retryAfter: nil))
        case .retry: limit.leave(permit, .other)
        }
    }

    package func delay(after attempts: Int, _ failure: ErrorClass, elapsed: Double, advice: Double?) -> Double? {
        switch failure {
        case .permanent: return nil
        // Put right before the next attempt, which has to wait for nothing; not again and again.
        case .clockSkew, .credentials, .redirect: return attempts <= 3 ? 0 : nil
        case .retry, .throttle:
            if failure == .throttle, let advice { limit.hold(for: advice) }
            return backoff.pause(
                afterFailures: attempts, elapsed: elapsed, retryAfter: advice, random: pace.random())
        }
    }
}
