import Platform

/// A length of time, as people write it: `14 days`, `10 min`, `90 s`, `2 h`, `1 week`.
package struct Period: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The length in seconds; never negative.
    package let seconds: Int64

    private static let units: [(names: [String], seconds: Int64)] = [
        (["s", "sec", "second", "seconds"], 1),
        (["min", "minute", "minutes"], 60),
        (["h", "hour", "hours"], 3_600),
        (["d", "day", "days"], 86_400),
        (["w", "week", "weeks"], 604_800),
    ]
    /// Ten thousand years: more than a calendar holds, and far from overflow.
    private static let longest: Int64 = 10_000 * 366 * 86_400

    package init(seconds: Int64) { self.seconds = max(0, seconds) }
    package init(days: Int) { self.init(seconds: Int64(days) * 86_400) }

    /// Reads a whole number with its unit; nothing when the text is no period.
    package init?(_ text: String) {
        guard let quantity = Quantity(text, fractionDigits: 0), quantity.scale == 1 else { return nil }
        guard let unit = Self.units.first(where: { $0.names.contains(quantity.unit) })?.seconds else { return nil }
        let (seconds, overflow) = quantity.whole.multipliedReportingOverflow(by: unit)
        guard !overflow, seconds <= Self.longest else { return nil }
        self.seconds = seconds
    }

    /// The whole days that fit.
    package var days: Int { Int(seconds / 86_400) }

    package var isWholeDays: Bool { seconds % 86_400 == 0 }

    package static func < (left: Period, right: Period) -> Bool { left.seconds < right.seconds }

    /// The period in its largest whole unit; ``init(_:)`` reads it back.
    package var description: String {
        if seconds == 0 { return "0 s" }
        if seconds % 86_400 == 0 { return days == 1 ? "1 day" : "\(days) days" }
        if seconds % 3_600 == 0 { return "\(seconds / 3_600) h" }
        return seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}
