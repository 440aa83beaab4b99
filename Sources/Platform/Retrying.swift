/// Tries an operation until it succeeds, fails for good or has had its time, by what its fault says of trying again.
package struct Retrying: Sendable {
    /// What is told of each failure that is followed by another try.
    package struct Failure: Sendable {
        package let fault: Fault
        /// How often it has failed, from 1.
        package let failures: Int
        /// Seconds until the next try.
        package let pause: Double
    }

    package var backoff: Backoff
    /// The limit of the place that the operation talks to; held while it runs, not while it waits.
    package var limit: AdaptiveLimit?
    package var pace: Pace
    /// Allows for the clock of the server, after a `clock` fault; without it such a fault is permanent.
    package var correctClock: (@Sendable (Fault) throws(Fault) -> Void)?
    /// Gets new credentials, after a `credentials` fault; without it such a fault is permanent.
    package var renewCredentials: (@Sendable (Fault) throws(Fault) -> Void)?
    /// Is told of each failure before the pause; for logs.
    package var onFailure: (@Sendable (Failure) -> Void)?

    package init(
        backoff: Backoff = Backoff(), limit: AdaptiveLimit? = nil, pace: Pace = .system,
        correctClock: (@Sendable (Fault) throws(Fault) -> Void)? = nil,
        renewCredentials: (@Sendable (Fault) throws(Fault) -> Void)? = nil,
        onFailure: (@Sendable (Failure) -> Void)? = nil
    ) {
        self.backoff = backoff
        self.limit = limit
        self.pace = pace
        self.correctClock = correctClock
        self.renewCredentials = renewCredentials
        self.onFailure = onFailure
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
            do { return try limited { () throws(Fault) -> R in try body(failures + 1) } } catch { fault = error }
            failures += 1
            if failures == 1 { firstFailure = pace.now() }
            switch fault.retry {
            case .permanent: throw told(fault, failures)
            case .clock:
                // Correcting twice means that the clock is not what is wrong.
                guard let correctClock, !isClockCorrected else { throw told(fault, failures) }
                isClockCorrected = true
                onFailure?(Failure(fault: fault, failures: failures, pause: 0))
                try correctClock(fault)
            case .credentials:
                guard let renewCredentials, !areCredentialsNew else { throw told(fault, failures) }
                areCredentialsNew = true
                onFailure?(Failure(fault: fault, failures: failures, pause: 0))
                try renewCredentials(fault)
            case .temporary, .throttle:
                let elapsed = pace.now() - firstFailure
                guard
                    let pause = backoff.pause(
                        afterFailures: failures, elapsed: elapsed, retryAfter: fault.retryAfter, random: pace.random())
                else { throw told(fault, failures) }
                onFailure?(Failure(fault: fault, failures: failures, pause: pause))
                try pace.sleep(pause)
            }
        }
    }

    private func limited<R>(_ body: () throws(Fault) -> R) throws(Fault) -> R {
        guard let limit else { return try body() }
        let permit = try limit.enter()
        do {
            let result = try body()
            limit.leave(permit, .answered)
            return result
        } catch {
            limit.leave(permit, error.retry == .throttle ? .throttled(retryAfter: error.retryAfter) : .other)
            throw error
        }
    }

    private func told(_ fault: Fault, _ failures: Int) -> Fault {
        guard failures > 1 else { return fault }
        var told = fault
        told.message += " (tried \(failures) times)"
        return told
    }
}
