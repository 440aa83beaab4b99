package import Platform

/// Keeps credentials until shortly before their end, for any number of threads.
///
/// Well before the end one thread fetches new ones while the others go on with the old; only when the end is near do all
/// wait for them. So nobody signs with credentials that end while the request is on its way, as far as that can be helped.
package final class CachedCredentials: CredentialSource {
    private struct State {
        var current: Credentials?
        /// From when on one thread fetches new ones, and from when on all wait for them.
        var early: Timestamp?
        var late: Timestamp?
        var isFetching = false
        /// How many fetches have failed, and with what the last one did.
        var failures = 0
        var failure: Fault?
    }

    private enum Step {
        case use(Credentials)
        /// With what may be used for now should it fail.
        case fetch(old: Credentials?)
        case fail(Fault)
    }

    /// Seconds before the end from which on one thread fetches new credentials.
    private static let advisory: Int64 = 300
    /// Seconds before the end from which on all wait for them.
    private static let mandatory: Int64 = 60
    /// Seconds until an early fetch that failed is tried again.
    private static let pause: Int64 = 30

    private let fetch: @Sendable () throws(Fault) -> Credentials
    private let clock: Clock
    private let state = Monitor(State())

    /// A cache.
    ///
    /// - Parameters:
    ///   - clock: compared with the ends of credentials.
    ///   - fetch: gets new ones; only one thread at a time is in it.
    package init(clock: Clock = .system, fetch: @escaping @Sendable () throws(Fault) -> Credentials) {
        self.clock = clock
        self.fetch = fetch
    }

    package func credentials() throws(Fault) -> Credentials {
        let before = state.with { $0.failures }
        let step = state.wait(wakes: false) { state in next(&state, failuresBefore: before) }
        switch step {
        case .use(let credentials): return credentials
        case .fail(let fault): throw fault
        case .fetch(let old): return try renew(old)
        }
    }

    package func discard(_ refused: Credentials) {
        state.change { state in
            // Others may have fetched new ones meanwhile.
            if state.current == refused { (state.current, state.early, state.late) = (nil, nil, nil) }
        }
    }

    /// What a thread does next; nothing while it has to wait for another one's fetch.
    private func next(_ state: inout State, failuresBefore before: Int) -> Step? {
        let now = clock.now()
        if let current = state.current {
            guard let early = state.early, now >= early else { return .use(current) }
            let isLate = state.late.map { now >= $0 } ?? false
            if state.isFetching {
                if !isLate { return .use(current) }
            } else {
                state.isFetching = true
                return .fetch(old: isLate && isOver(current, now) ? nil : current)
            }
        }
        // Whoever waited for a fetch that failed doesn't make each of the others wait for one more.
        if !state.isFetching, state.failures > before, let failure = state.failure { return .fail(failure) }
        guard !state.isFetching else { return nil }
        state.isFetching = true
        return .fetch(old: nil)
    }

    private func isOver(_ credentials: Credentials, _ now: Timestamp) -> Bool {
        credentials.expires.map { now >= $0 } ?? false
    }

    private func renew(_ old: Credentials?) throws(Fault) -> Credentials {
        let new: Credentials
        do { new = try fetch() } catch {
            let now = clock.now()
            state.change { state in
                state.isFetching = false
                state.failures += 1
                state.failure = error
                if old == nil {
                    // Nobody takes what is over for something to be renewed: those who wait share this failure.
                    (state.current, state.early, state.late) = (nil, nil, nil)
                } else {
                    let next = Timestamp(seconds: now.seconds + Self.pause)
                    state.early = next
                    state.late = max(next, state.late ?? next)
                }
            }
            if let old { return old }
            throw error
        }
        let now = clock.now()
        state.change { state in
            state.isFetching = false
            state.failure = nil
            state.current = new
            // A service in trouble gives credentials that are over or nearly so; it isn't asked before every request then.
            let floor = now.seconds + Self.pause
            state.early = new.expires.map { Timestamp(seconds: max($0.seconds - Self.advisory, floor)) }
            state.late = new.expires.map { Timestamp(seconds: max($0.seconds - Self.mandatory, floor)) }
        }
        return new
    }
}
