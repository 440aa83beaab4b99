package import Platform

/// Decides when requests to one bucket start, and whether a failed one is sent again.
///
/// One value is shared by all threads that talk to the bucket.
package protocol RequestPace: Sendable {
    /// The clock that attempts are measured by, and how to wait.
    var time: Pace { get }

    /// Waits until one more request may be sent.
    ///
    /// - Returns: the right to send it, which goes back with ``ended(_:_:)``.
    /// - Throws: `interrupted` after a signal.
    func admit() throws(Fault) -> AdaptiveLimit.Permit

    /// Takes note of how a request ended.
    func ended(_ permit: AdaptiveLimit.Permit, _ outcome: AdaptiveLimit.Outcome)

    /// Seconds to wait before the next attempt at what failed for a moment, or nothing to give up.
    ///
    /// - Parameters:
    ///   - attempts: how many were made, from 1.
    ///   - elapsed: seconds since the first one failed.
    ///   - advice: what the service said in `Retry-After`, in seconds.
    /// - Returns: seconds; 0 to go on at once.
    func delay(after attempts: Int, elapsed: Double, advice: Double?) -> Double?
}
