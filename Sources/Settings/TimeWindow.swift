import Glibc
package import Platform

/// A part of the day, such as `20:00-06:00`, in the time zone of the process; it may go over midnight.
package struct TimeWindow: Hashable, Sendable, CustomStringConvertible {
    /// Minutes after midnight; the end is not part of it.
    private let start: Int
    private let end: Int

    /// Reads `HH:MM-HH:MM`; nothing when the text is no window, or an empty one.
    package init?(_ text: String) {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let start = Self.minutes(ends[0]), let end = Self.minutes(ends[1]), start != end else {
            return nil
        }
        self.start = start
        self.end = end
    }

    private static func minutes(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ $0.count == 2 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60, hour < 24 || (hour == 24 && minute == 0)
        else { return nil }
        return hour * 60 + minute
    }

    package func contains(_ moment: Timestamp) -> Bool {
        var value = time_t(moment.seconds)
        var parts = tm()
        localtime_r(&value, &parts)
        let minute = Int(parts.tm_hour) * 60 + Int(parts.tm_min)
        return start < end ? (start..<end).contains(minute) : minute >= start || minute < end
    }

    /// When the window that contains `moment` ends.
    package func end(after moment: Timestamp) -> Timestamp {
        var value = time_t(moment.seconds)
        var parts = tm()
        localtime_r(&value, &parts)
        let minute = Int(parts.tm_hour) * 60 + Int(parts.tm_min)
        if minute >= end { parts.tm_mday += 1 }
        (parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_isdst) = (Int32(end / 60), Int32(end % 60), 0, -1)
        return Timestamp(seconds: Int64(mktime(&parts)))
    }

    package var description: String { "\(Self.face(start))-\(Self.face(end))" }

    private static func face(_ minutes: Int) -> String {
        [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}
