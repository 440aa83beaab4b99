/// How many requests may be under way to one place, which is found out by the place's own answers.
///
/// Additive increase, multiplicative decrease (RFC 5681, 3.1, has the idea): every answer that was no refusal lets the
/// limit grow, by one for each round of so many answers; a refusal halves it. Where even one request at a time is too
/// many, a gap between requests takes over. All threads that talk to the place share one.
package final class AdaptiveLimit: Sendable {
    /// How a request ended, as far as the limit is concerned.
    package enum Outcome: Sendable, Equatable {
        /// It was answered.
        case answered
        /// The place refused it for being one too many; with the seconds that it asks to wait.
        case throttled(retryAfter: Double?)
        /// It ended in a way that says nothing about how busy the place is.
        case other
    }

    /// The right to have one request under way.
    package struct Permit: Sendable {
        /// The number of decreases before the request began.
        fileprivate let decreases: Int
    }

    private struct State {
        var window: Double
        var underWay = 0
        /// Seconds between two requests; 0 as long as the window is enough of a limit.
        var gap = 0.0
        /// The moment before which no request begins.
        var nextStart = -Double.infinity
        var decreases = 0
    }

    private let most: Double
    private let pace: Pace
    private let state: Monitor<State>

    private static let firstGap = 0.1
    private static let longestGap = 5.0

    /// - Parameters:
    ///   - most: the most requests at once; where it also begins, since a place that says nothing can bear them.
    ///   - pace: the clock, and how to wait.
    package init(most: Int, pace: Pace = .system) {
        self.most = Double(max(1, most))
        self.pace = pace
        state = Monitor(State(window: self.most))
    }

    /// The most requests that may be under way now.
    package var window: Int { state.with { Int($0.window) } }

    /// Seconds between two requests now.
    package var gap: Double { state.with { $0.gap } }

    /// Waits until a request may begin; every permit goes back with ``leave(_:_:)``.
    ///
    /// - Throws: what the wait of the pace throws, `interrupted` after a signal.
    package func enter() throws(Fault) -> Permit {
        let (permit, start) = state.wait(wakes: false) { state -> (Permit, Double)? in
            guard state.underWay < Int(state.window) else { return nil }
            state.underWay += 1
            let start = max(pace.now(), state.nextStart)
            // The next one starts behind this one, though this one may not have started yet.
            if start + state.gap > state.nextStart { state.nextStart = start + state.gap }
            return (Permit(decreases: state.decreases), start)
        }
        let wait = start - pace.now()
        if wait > 0 {
            do { try pace.sleep(wait) } catch {
                leave(permit, .other)
                throw error
            }
        }
        return permit
    }

    /// Ends a request.
    package func leave(_ permit: Permit, _ outcome: Outcome) {
        state.change { state in
            state.underWay -= 1
            switch outcome {
            case .other: break
            case .answered: grow(&state)
            case .throttled(let retryAfter):
                if let retryAfter, retryAfter > 0 {
                    state.nextStart = max(state.nextStart, pace.now() + retryAfter)
                }
                // All that began before the last decrease met the same crowd, which counts once.
                guard permit.decreases == state.decreases else { return }
                shrink(&state)
            }
        }
    }

    private func grow(_ state: inout State) {
        if state.gap > 0 {
            state.gap /= 2
            if state.gap < Self.firstGap / 2 { state.gap = 0 }
        } else {
            state.window = min(most, state.window + 1 / state.window)
        }
    }

    private func shrink(_ state: inout State) {
        state.decreases += 1
        if state.window > 1 {
            state.window = max(1, (state.window / 2).rounded(.down))
        } else {
            state.gap = min(Self.longestGap, max(Self.firstGap, state.gap * 2))
            state.nextStart = max(state.nextStart, pace.now() + state.gap)
        }
    }
}
