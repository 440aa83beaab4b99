import Platform

/// Something about a store that is found out once in a process: one thread asks, and the others wait for what it learns.
final class LearnedFact: Sendable {
    private enum State { case unknown, asking, known(Bool) }
    private let state = Monitor(State.unknown)

    /// What is known, or what `ask` finds out.
    ///
    /// - Parameter ask: gives nothing where it could not be found out; then the next one who wants to know asks again.
    /// - Returns: nothing where it is not known.
    /// - Throws: what `ask` throws.
    func value(_ ask: () throws(Fault) -> Bool?) throws(Fault) -> Bool? {
        let known: Bool? = state.wait { state -> Bool?? in
            switch state {
            case .known(let value): return .some(value)
            case .asking: return nil
            case .unknown:
                state = .asking
                return .some(nil)
            }
        }
        if let known { return known }
        do throws(Fault) {
            let found = try ask()
            state.change { $0 = found.map { .known($0) } ?? .unknown }
            return found
        } catch {
            state.change { $0 = .unknown }
            throw error
        }
    }
}
