import Glibc
import Platform

/// Tells the service manager that this process lives: `WATCHDOG=1` of sd_notify(3), as often as `WATCHDOG_USEC` asks.
///
/// It says that threads of this process get to run. How long a disk or a host may take to answer is for the limits of each
/// connection, not for this one.
enum Heartbeat {
    /// Seconds between two signs of life: half of what is allowed, as sd_watchdog_enabled(3) advises; nothing where no
    /// service manager waits for them, or waits for another process.
    static func interval(_ environment: (String) -> String?, pid: Int) -> Double? {
        guard let text = environment("WATCHDOG_USEC"), let microseconds = Double(text), microseconds > 0 else {
            return nil
        }
        if let whose = environment("WATCHDOG_PID"), Int(whose) != pid { return nil }
        return microseconds / 2e6
    }

    /// Begins, where somebody waits for it; it goes on to the end of the process.
    static func start() {
        let variable = { (name: String) in getenv(name).map { String(cString: $0) } }
        guard let interval = interval(variable, pid: ProcessIdentity.pid) else { return }
        // A system that has no thread left for it ends this process by its silence.
        try? ThreadCrew().start("heartbeat") {
            while true {
                ServiceNotice.send("WATCHDOG=1")
                usleep(UInt32(min(interval, 3_600) * 1e6))
            }
        }
    }
}
