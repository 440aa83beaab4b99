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
            Clock.pause(seconds)
            try Shutdown.check()
        },
        random: { Double.random(in: 0..<1) })
}
