/// Results of parallel work, handed on in the order of admission, with a bounded number under way.
///
/// A producer admits numbers one after the other and waits while `capacity` are admitted but not taken; workers
/// deliver in any order; one consumer takes in order.
package final class OrderedWindow<Result: Sendable>: Sendable {
    private struct State {
        var admitted = 0
        var taken = 0
        var results: [Int: Result] = [:]
        var isFinished = false
        var isCancelled = false
        /// No more is admitted and delivered, but what lies in a row can be taken.
        var isAbandoned = false
    }
    private let monitor = Monitor(State())
    private let capacity: Int

    package init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Waits for room and gives the next number; nothing once cancelled.
    package func admit() -> Int? {
        monitor.wait { state -> Int?? in
            if state.isCancelled || state.isAbandoned { return .some(nil) }
            guard state.admitted - state.taken < capacity else { return nil }
            state.admitted += 1
            return state.admitted - 1
        }
    }

    /// Delivers the result of an admitted number.
    ///
    /// - Returns: false once cancelled; the result is dropped then.
    @discardableResult
    package func deliver(_ result: Result, for number: Int) -> Bool {
        monitor.change { state in
            let isOpen = !state.isCancelled && !state.isAbandoned
            if isOpen { state.results[number] = result }
            return isOpen
        }
    }

    /// Says that no more numbers will be admitted.
    package func finish() { monitor.change { $0.isFinished = true } }

    /// Ends every wait to admit, and takes no more results; those already there, as far as none is missing before them, can
    /// still be taken.
    package func abandon() { monitor.change { $0.isAbandoned = true } }

    /// Ends every wait.
    ///
    /// - Returns: the results delivered and not taken, so that what they hold can be given back.
    @discardableResult
    package func cancel() -> [Result] {
        monitor.change { state in
            state.isCancelled = true
            defer { state.results = [:] }
            return Array(state.results.values)
        }
    }

    /// Waits for the result of the next number; nothing at the end or once cancelled.
    package func take() -> Result? {
        monitor.wait { state -> Result?? in
            if state.isCancelled { return .some(nil) }
            if let result = state.results.removeValue(forKey: state.taken) {
                state.taken += 1
                return result
            }
            let isAtEnd = state.isAbandoned || (state.isFinished && state.taken == state.admitted)
            return isAtEnd ? .some(nil) : nil
        }
    }
}
