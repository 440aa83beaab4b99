import CLinux
import Glibc

/// Threads of our own for work that blocks.
///
/// The cooperative pool has one thread a core and must never block.
///
/// The first fault of a member is kept, `onFault` lets the owner close its queues so that the others end too, and
/// ``join()`` throws it.
package final class ThreadCrew: Sendable {
    private struct State {
        var threads: [pthread_t] = []
        var fault: Fault?
    }
    private let state = Monitor(State())
    private let onFault: @Sendable () -> Void

    package init(onFault: @escaping @Sendable () -> Void = {}) { self.onFault = onFault }

    /// Each thread holds its crew, so all bodies have ended here; what nobody has joined would keep its stack for good.
    deinit {
        for thread in state.with({ $0.threads }) { pthread_detach(thread) }
    }

    /// Starts a thread.
    ///
    /// - Throws: `limit` when the system has no thread left.
    package func start(_ name: String, _ body: @escaping @Sendable () throws -> Void) throws(Fault) {
        let box = Unmanaged.passRetained(
            ThreadBody { [self] in
                do { try body() } catch { failed(.wrapping(error)) }
            })
        var thread = pthread_t()
        let made = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        guard made == 0 else {
            box.release()
            throw Fault(.limit, "start thread '\(name)': \(errorText(made))")
        }
        // A thread's name has at most 15 bytes (pthread_setname_np(3)); it is what top -H and gdb show.
        clinux_name_thread(UInt(thread), String(name.prefix(15)))
        state.with { $0.threads.append(thread) }
    }

    /// Does something with each of some items, several at once, and waits until all are done.
    ///
    /// - Parameters:
    ///   - items: taken in their order.
    ///   - atOnce: threads.
    ///   - name: of the threads.
    ///   - body: gets an item; when it throws, no further item is begun.
    /// - Throws: the first fault of `body`; `limit` when the system has no thread left.
    package static func each<Item: Sendable>(
        _ items: [Item], atOnce: Int, _ name: String, _ body: @escaping @Sendable (Item) throws(Fault) -> Void
    ) throws(Fault) {
        let rest = Monitor(items[...])
        let crew = ThreadCrew(onFault: { rest.with { $0.removeAll() } })
        for _ in 0..<min(atOnce, items.count) {
            try crew.start(name) {
                while let item = rest.with({ $0.popFirst() }) {
                    try Shutdown.check()
                    try body(item)
                }
            }
        }
        try crew.join()
    }

    /// Keeps the first fault and tells the owner.
    package func failed(_ fault: Fault) {
        state.with { if $0.fault == nil { $0.fault = fault } }
        onFault()
    }

    /// Waits for every thread.
    ///
    /// - Throws: the first fault of a thread.
    package func join() throws(Fault) {
        while let thread = state.with({ $0.threads.popLast() }) { pthread_join(thread, nil) }
        if let fault = state.with({ $0.fault }) { throw fault }
    }
}

private final class ThreadBody: @unchecked Sendable {
    // Safe to share: made by one thread, run by the one other that takes it.
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
