package import Platform

/// A clock that only moves when somebody waits on it, and chance from a list.
package final class TestPace: Sendable {
    private struct State {
        var now = 0.0
        var pauses: [Double] = []
        var random: SplitMix64?
        var fixed = 0.5
    }
    private let state = Monitor(State())

    /// - Parameters:
    ///   - random: what chance always gives.
    ///   - seed: with one, chance is what a generator of this seed gives.
    package init(random: Double = 0.5, seed: UInt64? = nil) {
        state.with {
            $0.fixed = random
            $0.random = seed.map { SplitMix64(seed: $0) }
        }
    }

    /// The waits so far, in seconds.
    package var pauses: [Double] { state.with { $0.pauses } }
    package var now: Double { state.with { $0.now } }

    /// Lets time pass without anybody waiting for it.
    package func advance(_ seconds: Double) { state.with { $0.now += seconds } }

    package var pace: Pace {
        Pace(
            now: { [self] in now },
            sleep: { [self] seconds in
                state.with {
                    $0.now += seconds
                    $0.pauses.append(seconds)
                }
            },
            random: { [self] in
                state.with { state in
                    guard var generator = state.random else { return state.fixed }
                    defer { state.random = generator }
                    return Double.random(in: 0..<1, using: &generator)
                }
            })
    }
}
