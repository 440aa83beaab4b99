package import Platform

/// Decides when requests to one bucket start, and whether a failed one is sent again.
///
/// One value is shared by all threads that talk to the bucket.
package protocol RequestPace: Sendable {
    /// Waits until one more request may be sent.
    ///
    /// - Throws: `interrupted` after a signal.
    func admit() throws(Fault)

    /// Takes note of how a request ended; nothing for a success.
    func ended(_ failure: ErrorClass?)

    /// Seconds to wait before the next attempt, or nothing to give up.
    ///
    /// - Parameters:
    ///   - attempts: how many were made, from 1.
    ///   - failure: how the last one ended.
    ///   - elapsed: seconds since the first one began.
    ///   - advice: what the service said in `Retry-After`, in seconds.
    /// - Returns: seconds; 0 to go on at once.
    func delay(after attempts: Int, _ failure: ErrorClass, elapsed: Double, advice: Double?) -> Double?
}

/// Retries a few times with growing, random pauses; never holds back a first attempt.
package struct SteadyPace: RequestPace {
    /// How many attempts are made.
    package var attempts = 6
    /// The longest first pause, in seconds; it doubles with every attempt.
    package var base = 0.2
    /// No pause is longer, in seconds.
    package var longest = 20.0

    package init() {}

    package func admit() throws(Fault) { try Shutdown.check() }
    package func ended(_ failure: ErrorClass?) {}

    package func delay(after attempts: Int, _ failure: ErrorClass, elapsed: Double, advice: Double?) -> Double? {
        guard failure != .permanent, attempts < self.attempts else { return nil }
        let ceiling = min(longest, base * Double(1 << min(attempts - 1, 20)))
        return max(advice.map { min($0, longest) } ?? 0, Double.random(in: 0...ceiling))
    }
}
