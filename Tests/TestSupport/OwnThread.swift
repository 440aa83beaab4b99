import Glibc
import Platform

/// Runs `body` on a thread of its own and waits for it without holding a thread of the cooperative pool.
///
/// Whatever may block belongs in here: the pool has one thread a core, and a test that blocks one stops the others.
///
/// A cancelled task, such as that of a test beyond its time limit, stops waiting; the thread is left behind.
package func onOwnThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    let waiter = Monitor(Waiter<R>())
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<R, any Error>) in
            waiter.with { $0.continuation = continuation }
            if Task.isCancelled { return finish(waiter, .failure(CancellationError())) }
            do {
                // Detached: nobody joins a crew whose thread may never end.
                try startDetached { finish(waiter, Result(catching: body)) }
            } catch {
                finish(waiter, .failure(error))
            }
        }
    } onCancel: {
        finish(waiter, .failure(CancellationError()))
    }
}

private struct Waiter<R: Sendable>: Sendable {
    var continuation: CheckedContinuation<R, any Error>?
}

/// Resumes the waiter unless it has been resumed.
private func finish<R: Sendable>(_ waiter: Monitor<Waiter<R>>, _ result: Result<R, any Error>) {
    let continuation = waiter.with { $0.continuation.take() }
    continuation?.resume(with: result)
}

private func startDetached(_ body: @escaping @Sendable () -> Void) throws {
    let box = Unmanaged.passRetained(ThreadBox(body))
    var thread = pthread_t()
    let made = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<ThreadBox>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        }, box.toOpaque())
    guard made == 0 else {
        box.release()
        throw Fault.system(made, "start", "thread")
    }
    pthread_detach(thread)
}

/// Asks `condition` every few milliseconds until it is true.
///
/// - Returns: false when it was not within `timeout` seconds.
package func eventually(timeout: Double = 30, _ condition: () throws -> Bool) async throws -> Bool {
    let end = Clock.monotonic() + timeout
    while true {
        if try condition() { return true }
        if Clock.monotonic() > end { return false }
        try await Task.sleep(nanoseconds: 5_000_000)
    }
}

private final class ThreadBox: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
