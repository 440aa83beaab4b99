import Glibc
import Platform

/// Tells the service manager that the work of this process moves: `WATCHDOG=1` of sd_notify(3).
///
/// A thread of its own tells it, but only when something has moved since it last did (``Pulse``). A process whose threads
/// wait for each other or for a disk that does not answer falls silent, and the service manager ends it. As long as
/// anything moves, it lives: one host that hangs is for the limits of its connection, and costs the others nothing.
enum Heartbeat {
    /// Seconds between two looks: a quarter of what is allowed, so that no silence of less than three quarters ends a
    /// process; nothing where no service manager waits for signs of life, or waits for another process.
    static func interval(_ environment: (String) -> String?, pid: Int) -> Double? {
        guard let text = environment("WATCHDOG_USEC"), let microseconds = Double(text), microseconds > 0 else {
            return nil
        }
        if let whose = environment("WATCHDOG_PID"), Int(whose) != pid { return nil }
        return microseconds / 4e6
    }

    /// Begins, where somebody waits for it; it goes on to the end of the process.
    static func start() {
        let variable = { (name: String) in getenv(name).map { String(cString: $0) } }
        guard let interval = interval(variable, pid: ProcessIdentity.pid) else { return }
        // A system that has no thread left for it ends this process by its silence.
        try? ThreadCrew().start("heartbeat") {
            while true {
                if Pulse.process.take() { ServiceNotice.send("WATCHDOG=1") }
                usleep(UInt32(min(interval, 3_600) * 1e6))
            }
        }
    }
}
