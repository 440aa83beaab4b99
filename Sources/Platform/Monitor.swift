import Glibc

/// A mutex with a condition around a state: what a blocked thread waits on (pthread_cond_wait(3)).
///
/// `Synchronization.Mutex` can't be waited on, and waiting is what bounded queues are for. It belongs to own threads
/// only: never wait in it on the cooperative pool.
package final class Monitor<State>: @unchecked Sendable {
    // Safe to share: the state is touched only between lock and unlock.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    package init(_ state: State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` alone with the state.
    package func with<R, E>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// As ``with(_:)``, and wakes every waiter.
    package func change<R>(_ body: (inout State) throws -> R) rethrows -> R {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Waits until `body` returns something; it is asked again after every change.
    ///
    /// - Parameters:
    ///   - wakes: true when what `body` does to the state lets other waiters go on.
    ///   - body: runs alone with the state, and returns nothing as long as the wait has to last.
    /// - Returns: what `body` returned at last.
    package func wait<R>(wakes: Bool = true, _ body: (inout State) throws -> R?) rethrows -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = try body(&state) {
                if wakes { pthread_cond_broadcast(condition) }
                return result
            }
            pthread_cond_wait(condition, mutex)
        }
    }
}
