/// A limit in bytes per second that several threads share: whoever has taken more than its time allows, waits.
package final class RateLimit: Sendable {
    private let bytesPerSecond: Double
    /// The moment, on the monotonic clock, up to which the rate is used up.
    private let usedUpTo = Monitor(0.0)

    /// How far behind its time a limit may be, in seconds: after a pause no more than this is caught up at full speed.
    private static let burst = 0.1

    package init(bytesPerSecond: Int64) { self.bytesPerSecond = Double(max(1, bytesPerSecond)) }

    /// Counts bytes that were moved and waits until they are due.
    package func take(_ bytes: Int) {
        let now = Clock.monotonic()
        let due = usedUpTo.with { mark in
            mark = max(mark, now - Self.burst) + Double(bytes) / bytesPerSecond
            return mark
        }
        Clock.pause(due - now)
    }
}
