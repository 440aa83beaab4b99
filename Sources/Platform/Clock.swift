import Glibc

/// The time as a parameter, so that a test can set it.
package struct Clock: Sendable {
    /// The moment now.
    package let now: @Sendable () -> Timestamp

    package init(now: @escaping @Sendable () -> Timestamp) { self.now = now }

    /// The system's clock.
    package static let system = Clock {
        var value = timespec()
        clock_gettime(CLOCK_REALTIME, &value)
        return Timestamp(seconds: Int64(value.tv_sec), nanoseconds: UInt32(value.tv_nsec))
    }

    /// The day of today in the time zone of the process.
    package var today: CivilDate { CivilDate(localDayOf: now()) }

    /// Seconds of a clock that never jumps, for durations.
    package static func monotonic() -> Double {
        var value = timespec()
        clock_gettime(CLOCK_MONOTONIC, &value)
        return Double(value.tv_sec) + Double(value.tv_nsec) / 1e9
    }

    /// Waits for so many seconds, or until a signal asks to stop: a wait that is meant, and no silence.
    package static func pause(_ seconds: Double) {
        let end = monotonic() + seconds
        while Shutdown.requested == nil {
            let rest = end - monotonic()
            if rest <= 0 { return }
            Pulse.process.beat()
            usleep(UInt32(min(rest, 0.1) * 1e6))
        }
    }

    /// Sets the time zone of the whole process, once, before any thread starts (setenv(3) is not thread safe).
    ///
    /// - Parameter name: a name of the zone database, for example `Europe/Berlin`.
    /// - Throws: `settings` when the zone database has no such name; tzset(3) itself would silently mean UTC.
    package static func useTimeZone(_ name: String) throws(Fault) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isSafe = !parts.contains { $0.isEmpty || $0 == "." || $0 == ".." }
        guard name == "UTC" || (isSafe && isZone(name)) else {
            throw Fault(
                .settings, "unknown time zone '\(name)'",
                hint: "Use a name from /usr/share/zoneinfo, such as \"Europe/Berlin\" or \"UTC\".")
        }
        setenv("TZ", name, 1)
        tzset()
    }

    /// Whether the zone database has a zone of this name, and not a directory or a table (tzfile(5)).
    private static func isZone(_ name: String) -> Bool {
        guard let file = try? File.open("/usr/share/zoneinfo/" + name) else { return false }
        var magic = [UInt8](repeating: 0, count: 4)
        let count = (try? magic.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }) ?? 0
        return count == 4 && magic == Array("TZif".utf8)
    }
}
