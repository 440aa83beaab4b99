import Glibc
import Synchronization

/// SIGTERM, SIGINT and SIGHUP: the first asks for an orderly end, the second ends at once.
///
/// The signals are blocked in every thread and read by one of their own (sigwait(3)), so that nothing runs in a signal
/// handler.
package enum Shutdown {
    private static let signal = Atomic<Int32>(0)

    /// The signal that asked to stop, if one did.
    package static var requested: Int32? {
        let number = signal.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// Throws `interrupted` once a signal has asked to stop.
    ///
    /// Called before each new piece of work.
    package static func check() throws(Fault) {
        if requested != nil { throw Fault(.interrupted, "stopped by a signal") }
    }

    /// Takes over the signals.
    ///
    /// Called once, before any thread starts. SIGPIPE is ignored: writes report EPIPE instead.
    package static func install() {
        Glibc.signal(SIGPIPE, SIG_IGN)
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let waiting = set
        var thread = pthread_t()
        let box = Unmanaged.passRetained(SignalSet(waiting))
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Shutdown.listen(Unmanaged<SignalSet>.fromOpaque(argument).takeRetainedValue().set)
                return nil
            }, box.toOpaque())
        pthread_detach(thread)
    }

    private static func listen(_ waiting: sigset_t) {
        var set = waiting
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            if signal.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
        }
    }
}

private final class SignalSet: @unchecked Sendable {
    // Safe to share: immutable.
    let set: sigset_t
    init(_ set: sigset_t) { self.set = set }
}
