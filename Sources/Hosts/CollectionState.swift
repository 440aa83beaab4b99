import Platform
import Synchronization

/// What the threads of one collection share.
final class CollectionState: Sendable {
    /// Whether blocks can be shared between the tree and staging, as far as is known.
    let canClone = Atomic(true)
    /// Whether the collection is being abandoned.
    private let isAbandoned = Atomic(false)
    private let end: Timestamp?
    private let clock: Clock

    init(until end: Timestamp? = nil, _ clock: Clock = .system) {
        self.end = end
        self.clock = clock
    }

    func abandon() { isAbandoned.store(true, ordering: .relaxed) }

    /// - Throws: `interrupted` when there is no point in going on.
    func check() throws(Fault) {
        try Shutdown.check()
        // Whoever abandoned it has said why.
        if isAbandoned.load(ordering: .relaxed) { throw Fault(.interrupted, "stopped") }
        if let end, clock.now() >= end {
            throw Fault(
                .tryLater, "the time for it ended at \(end.local)",
                hint: "The next run of the same command goes on where this one stopped.")
        }
    }
}
