import Glibc

/// How retries and limits see time and chance, as parameters, so that a test needs neither.
package struct Pace: Sendable {
    /// Seconds of a clock that never jumps.
    package let now: @Sendable () -> Double
    /// Waits for some seconds; throws when that is not to be waited for.
    package let sleep: @Sendable (Double) throws(Fault) -> Void
    /// A random number from 0 up to, but not including, 1.
    package let random: @Sendable () -> Double

    package init(
        now: @escaping @Sendable () -> Double, sleep: @escaping @Sendable (Double) throws(Fault) -> Void,
        random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    /// The system's clock and chance; a wait ends with `interrupted` soon after a signal has asked to stop.
    package static let system = Pace(
        now: Clock.monotonic,
        sleep: { seconds throws(Fault) in
            let end = Clock.monotonic() + seconds
            while true {
                try Shutdown.check()
                let left = end - Clock.monotonic()
                guard left > 0 else { return }
                usleep(UInt32(min(left, 0.1) * 1e6) + 1)
            }
        },
        random: { Double.random(in: 0..<1) })
}
