package import Platform
import Settings

/// Waits for what other servers bring in their own time, with pauses that grow and are never the same.
package struct InventoryWait: Sendable {
    private let backoff: Backoff
    private let pace: Pace

    /// - Parameters:
    ///   - seconds: how long at the most; with 0 there is one look.
    ///   - pace: the clock, the pauses and the dice.
    package init(seconds: Double, pace: Pace = .system) {
        // A look costs some requests, and what is waited for takes minutes.
        backoff = Backoff(base: min(10, max(0.1, seconds / 4)), cap: 120, deadline: seconds, leastTries: 1)
        self.pace = pace
    }

    /// Looks until there is something, or the time is over.
    ///
    /// - Parameters:
    ///   - onPause: is told why it waits, and for how long.
    ///   - look: looks once; throws `tryLater` for what is not there yet, `damaged` for what is not whole.
    /// - Returns: what `look` returns.
    /// - Throws: any other fault of `look` at once; its last one of these with how long was waited.
    package func run<R>(onPause: (Fault, Double) -> Void, _ look: () throws(Fault) -> R) throws(Fault) -> R {
        let began = pace.now()
        var failures = 0
        while true {
            do throws(Fault) { return try look() } catch {
                guard error.code == .tryLater || error.code == .damaged else { throw error }
                failures += 1
                let elapsed = pace.now() - began
                guard
                    let pause = backoff.pause(
                        afterFailures: failures, elapsed: elapsed, retryAfter: nil, random: pace.random())
                else {
                    guard failures > 1 else { throw error }
                    var told = error
                    told.message += ", after waiting for \(Period(seconds: Int64(elapsed)))"
                    throw told
                }
                onPause(error, pause)
                try pace.sleep(pause)
            }
        }
    }
}
