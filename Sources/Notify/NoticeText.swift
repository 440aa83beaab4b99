import Settings

/// A notice for people: a subject of one line and a text below it.
package struct NoticeText: Sendable {
    package let subject: String
    package let body: String

    /// The most units and lines that are told; the journal has them all.
    private static let most = 20

    /// Tells a notice.
    ///
    /// - Parameters:
    ///   - notice: what is told.
    ///   - bytes: how sizes are written.
    package init(_ notice: Notice, bytes: (Int64) -> String) {
        let what =
            switch notice.event {
            case .start: "begins"
            case .success: "done"
            case .partial: "partial"
            case .failure: "FAILED"
            case .missing: "MISSING"
            }
        let runs = notice.runs.map(\.run)
        let span = runs.isEmpty ? "" : runs.count == 1 ? " \(runs[0])" : " \(runs[0])..\(runs[runs.count - 1])"
        let counts = notice.failed.isEmpty ? "" : ", \(notice.failed.count) failed"
        subject = "[coldchain] \(notice.stage) \(notice.job)\(span) \(what)\(counts) on \(notice.host)"

        var text: [String] = []
        if notice.isLate == true { text.append("This is of \(notice.at), and could not be told before.") }
        if let end = notice.end { text.append("\(notice.stage) \(notice.job): \(end)") }
        for run in notice.runs {
            var line = "\(notice.stage) \(notice.job) \(run.run): \(run.state), \(run.done) of \(run.units) units"
            if run.failed > 0 { line += ", \(run.failed) failed" }
            line += ", \(bytes(run.bytesIn)) in, \(bytes(run.bytesOut)) out"
            if run.bytesOut > 0, run.bytesIn > 0, notice.stage == "pack" {
                let tenths = Int((Double(run.bytesIn) * 10 / Double(run.bytesOut)).rounded())
                line += " (\(tenths / 10).\(tenths % 10)x)"
            }
            text.append(line + ", \(Self.duration(run.seconds))")
        }
        Self.add(notice.missing, under: "Missing:", to: &text)
        Self.add(notice.failed.map { "\($0.run) \($0.unit): \($0.why)" }, under: "Failed:", to: &text)
        Self.add(notice.warnings.map { "\($0.run) \($0.unit): \($0.why)" }, under: "Needs eyes:", to: &text)
        Self.add(notice.rerun, under: "To do it again:", to: &text)
        if let backlog = notice.backlog, backlog.runs > 0 {
            text.append("")
            text.append(
                "Backlog: \(backlog.runs) \(backlog.runs == 1 ? "run" : "runs"), \(bytes(backlog.bytes))"
                    + (backlog.oldest.map { ", the oldest of \($0)" } ?? ""))
        }
        Self.add(notice.costs, under: "Cost:", to: &text)
        Self.add(notice.trend, under: "Trend:", to: &text)
        // The newest lines tell most.
        if !notice.lines.isEmpty {
            text += ["", "Last lines:"] + notice.lines.suffix(Self.most).map { "  " + $0 }
        }
        body = text.joined(separator: "\n") + "\n"
    }

    private static func add(_ lines: [String], under title: String, to text: inout [String]) {
        guard !lines.isEmpty else { return }
        if !text.isEmpty { text.append("") }
        text.append(title)
        text += lines.prefix(most).map { "  " + $0 }
        if lines.count > most { text.append("  and \(lines.count - most) more") }
    }

    /// Seconds as `1 h 02 min`, `3 min 04 s` or `5 s`.
    static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if whole >= 3_600 { return "\(whole / 3_600) h \(two(whole % 3_600 / 60)) min" }
        return whole >= 60 ? "\(whole / 60) min \(two(whole % 60)) s" : "\(whole) s"
    }
}
