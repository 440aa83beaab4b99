import Platform

/// The small files that will be opened soon, in order: as many are under way, or wait for their reader, as memory and the
/// server's handles allow.
final class SFTPFetchQueue: Sendable {
    private struct State {
        var waiting: [SFTPFetch] = []
        var head = 0
        var bytes = 0
        var files = 0
    }

    private let state = Monitor(State())
    private let window: Int
    private let files: Int

    /// What a file costs beside its content.
    private static let overhead = 2 << 10

    /// - Parameters:
    ///   - window: bytes of content that may be under way or wait.
    ///   - files: how many files may.
    init(window: Int, files: Int) {
        self.window = window
        self.files = max(1, min(1_024, files))
    }

    func add(_ fetch: SFTPFetch) {
        state.with { $0.waiting.append(fetch) }
        startNext()
    }

    /// Starts what there is room for.
    private func startNext() {
        while let next = state.with({ state -> SFTPFetch? in
            guard state.head < state.waiting.count, state.files < files, state.bytes < window else { return nil }
            let fetch = state.waiting[state.head]
            state.head += 1
            if state.head >= 512 {
                state.waiting.removeFirst(state.head)
                state.head = 0
            }
            state.files += 1
            state.bytes += fetch.size + Self.overhead
            return fetch
        }) {
            // Its reader may have come first.
            if !next.start() { giveBack(next) }
        }
    }

    /// Waits for the content of a file, which is asked for now if there was no room before.
    ///
    /// - Returns: nothing when it was taken before.
    func take(_ fetch: SFTPFetch) -> SFTPFetch.Outcome? {
        guard fetch.claim() else { return nil }
        if fetch.start() {
            state.with { state in
                state.files += 1
                state.bytes += fetch.size + Self.overhead
            }
        }
        return fetch.wait()
    }

    /// Makes room: the reader is done with a file.
    func release(_ fetch: SFTPFetch) {
        giveBack(fetch)
        startNext()
    }

    private func giveBack(_ fetch: SFTPFetch) {
        state.with { state in
            state.files -= 1
            state.bytes -= fetch.size + Self.overhead
        }
    }
}
