/// Tries an operation until it succeeds, fails for good or has had its time, by what its fault says of trying again.
package struct Retrying: Sendable {
    package var backoff: Backoff
    package var pace: Pace
    /// Allows for the clock of the server, after a `clock` fault; without it such a fault is permanent.
    package var correctClock: (@Sendable (Fault) throws(Fault) -> Void)?
    /// Sees to other credentials, after a `credentials` fault; without it such a fault is permanent.
    package var renewCredentials: (@Sendable (Fault) throws(Fault) -> Void)?

    package init(
        backoff: Backoff = Backoff(), pace: Pace = .system,
        correctClock: (@Sendable (Fault) throws(Fault) -> Void)? = nil,
        renewCredentials: (@Sendable (Fault) throws(Fault) -> Void)? = nil
    ) {
        self.backoff = backoff
        self.pace = pace
        self.correctClock = correctClock
        self.renewCredentials = renewCredentials
    }

    /// Runs the operation.
    ///
    /// - Parameter body: one try, with its number from 1; it must be safe to repeat.
    /// - Returns: what the try that succeeded returned.
    /// - Throws: a permanent fault as it is; the last of several with the number of tries; `interrupted` after a signal.
    package func run<R>(_ body: (Int) throws(Fault) -> R) throws(Fault) -> R {
        var failures = 0
        var firstFailure = 0.0
        var isClockCorrected = false
        var areCredentialsNew = false
        while true {
            let fault: Fault
            do { return try body(failures + 1) } catch { fault = error }
            failures += 1
            if failures == 1 { firstFailure = pace.now() }
            switch fault.retry {
            case .permanent: throw told(fault, failures)
            case .credentials:
                guard let renewCredentials, !areCredentialsNew else { throw told(fault, failures) }
                areCredentialsNew = true
                try renewCredentials(fault)
            case .clock:
                // Correcting twice means that the clock is not what is wrong.
                guard let correctClock, !isClockCorrected else { throw told(fault, failures) }
                isClockCorrected = true
                try correctClock(fault)
            case .temporary, .throttle:
                let elapsed = pace.now() - firstFailure
                guard
                    let pause = backoff.pause(
                        afterFailures: failures, elapsed: elapsed, retryAfter: fault.retryAfter, random: pace.random())
                else { throw told(fault, failures) }
                try pace.sleep(pause)
            }
        }
    }

    private func told(_ fault: Fault, _ failures: Int) -> Fault {
        guard failures > 1 else { return fault }
        var told = fault
        told.message += " (tried \(failures) times)"
        return told
    }
}
