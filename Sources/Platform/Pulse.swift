import Synchronization

/// Whether the work of this process moves: what the service manager's watchdog is told of (sd_watchdog_enabled(3)).
///
/// A beat is a system call of the work that came back with success, a second of a transfer that has limits of its own, or a
/// piece of a wait that is meant, such as that for a host's marker or the pause before another try. Threads that only look
/// at the others don't beat, so that a process whose work hangs falls silent, though its other threads run.
package final class Pulse: Sendable {
    private let hasBeaten = Atomic<Bool>(true)

    package init() {}

    /// The one of this process.
    package static let process = Pulse()

    /// Something has moved.
    package func beat() {
        // Nearly always it has been said: then no core takes the line from the others.
        if !hasBeaten.load(ordering: .relaxed) { hasBeaten.store(true, ordering: .relaxed) }
    }

    /// Whether something has moved since this was last asked, or since the process began.
    package func take() -> Bool { hasBeaten.exchange(false, ordering: .relaxed) }
}
