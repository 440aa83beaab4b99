/// A piece of raw memory, page aligned, that belongs to one thread at a time.
package final class Buffer: @unchecked Sendable {
    // Safe to share: a pool or a queue hands it from one owner to the next.
    package let bytes: UnsafeMutableRawBufferPointer
    /// How many of the bytes are in use.
    package var count = 0

    package init(capacity: Int) { bytes = .allocate(byteCount: capacity, alignment: 4_096) }
    deinit { bytes.deallocate() }

    package var capacity: Int { bytes.count }
    /// The bytes in use.
    package var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<count]) }
}

/// A fixed number of reusable elements; taking one waits until one is free.
///
/// The pool is the memory limit of a pipeline: it bounds what is admitted and not yet written, however uneven the speeds
/// are.
package final class Pool<Element: Sendable>: Sendable {
    private struct State {
        var free: [Element] = []
        var made = 0
        var isClosed = false
    }
    private let monitor = Monitor(State())
    private let limit: Int
    private let make: @Sendable () -> Element

    package init(limit: Int, make: @escaping @Sendable () -> Element) {
        self.limit = limit
        self.make = make
    }

    /// Takes an element; nothing once the pool is closed.
    package func take() -> Element? {
        monitor.wait(wakes: false) { state -> Element?? in
            if state.isClosed { return .some(nil) }
            if let element = state.free.popLast() { return element }
            guard state.made < limit else { return nil }
            state.made += 1
            return make()
        }
    }

    /// Gives an element back.
    package func give(_ element: Element) { monitor.change { $0.free.append(element) } }

    /// Ends every wait: the pipeline is being cancelled.
    package func close() { monitor.change { $0.isClosed = true } }
}
