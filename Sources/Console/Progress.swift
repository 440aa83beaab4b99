import Glibc
package import Platform

/// Shows how far several units are: lines on a terminal, and one line to the service manager.
///
/// A thread of its own looks at counters; the work itself only counts.
package final class Progress: Sendable {
    /// A unit that is being worked on.
    package final class Unit: Sendable {
        let name: String
        let began = Clock.monotonic()
        /// Bytes that the unit will probably have, as it had the last time.
        let expected: Int64?
        package let entries: Counter
        package let bytes: Counter

        init(_ name: String, expected: Int64?, entries: Counter, bytes: Counter) {
            self.name = name
            self.expected = expected
            self.entries = entries
            self.bytes = bytes
        }
    }

    private struct State {
        var units: [Unit] = []
        var done = 0
        var bytesDone: Int64 = 0
        var isEnded = false
    }

    private let title: String
    private let total: Int
    private let isDrawn: Bool
    private let state = Monitor(State())
    private let began = Clock.monotonic()
    private let ticker = ThreadCrew()

    /// More units than this are only counted.
    private static let mostLines = 12
    /// Seconds between two pictures, and between two messages to the service manager.
    private static let interval = 0.25
    private static let noticeInterval = 5.0

    /// Begins to show.
    ///
    /// - Parameters:
    ///   - title: what is done, such as `collect siem 2026-11-20`.
    ///   - total: how many units there are to do.
    ///   - mode: when lines are drawn.
    /// - Throws: `limit` when the system has no thread left.
    package init(_ title: String, total: Int, _ mode: ProgressMode) throws(Fault) {
        self.title = title
        self.total = total
        isDrawn = mode == .always || (mode == .auto && Screen.isTerminal)
        guard isDrawn || getenv("NOTIFY_SOCKET") != nil else { return }
        try ticker.start("progress") { [self] in tick() }
    }

    /// Begins a unit.
    package func begin(_ name: String, expected: Int64? = nil, entries: Counter, bytes: Counter) -> Unit {
        let unit = Unit(name, expected: expected, entries: entries, bytes: bytes)
        state.with { $0.units.append(unit) }
        return unit
    }

    /// Ends a unit, however it went.
    package func end(_ unit: Unit) {
        state.with { state in
            state.units.removeAll { $0 === unit }
            state.done += 1
            state.bytesDone += unit.bytes.value
        }
    }

    /// Takes the lines away.
    package func finish() {
        state.change { $0.isEnded = true }
        try? ticker.join()
        if isDrawn { Screen.draw([]) }
    }

    private func tick() {
        var nextNotice = 0.0
        while !state.with({ $0.isEnded }) {
            let now = Clock.monotonic()
            if isDrawn { Screen.draw(lines(width: Screen.width)) }
            if now >= nextNotice {
                ServiceNotice.send("STATUS=\(summary)")
                nextNotice = now + Self.noticeInterval
            }
            usleep(UInt32(Self.interval * 1e6))
        }
    }

    /// The whole in one line: `collect siem 2026-11-20: 3 of 24, 12.4 GiB, 210 MiB/s, about 40 min left`.
    var summary: String {
        let (units, done, bytesDone) = state.with { ($0.units, $0.done, $0.bytesDone) }
        let bytes = units.reduce(bytesDone) { $0 + $1.bytes.value }
        let rate = Double(bytes) / max(0.001, Clock.monotonic() - began)
        var text = "\(title): \(done) of \(total), \(Figures.bytes(bytes)), \(Figures.bytes(Int64(rate)))/s"
        let rest = units.reduce(Int64(0)) { $0 + max(0, ($1.expected ?? 0) - $1.bytes.value) }
        if rest > 0, rate > 1 { text += ", about \(Figures.seconds(Double(rest) / rate)) left for those" }
        return text
    }

    func lines(width: Int) -> [String] {
        let units = state.with { $0.units }
        let now = Clock.monotonic()
        var lines = units.prefix(Self.mostLines).map { unit in
            let bytes = unit.bytes.value
            let rate = Double(bytes) / max(0.001, now - unit.began)
            var line =
                "  \(unit.name)  \(unit.entries.value) entries  \(Figures.bytes(bytes))  \(Figures.bytes(Int64(rate)))/s"
            if let expected = unit.expected, expected > bytes, rate > 1 {
                let share = Int(Double(bytes) / Double(expected) * 100)
                line += "  about \(share) %, \(Figures.seconds(Double(expected - bytes) / rate)) left"
            }
            return line
        }
        if units.count > Self.mostLines { lines.append("  and \(units.count - Self.mostLines) more") }
        lines.append(summary)
        return lines.map { String($0.prefix(max(20, width - 1))) }
    }
}
