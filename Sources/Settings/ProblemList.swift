package import Platform

/// What is wrong with one settings file, gathered so that one look at the message is enough to repair it.
package final class ProblemList {
    private struct Problem {
        let position: SourcePosition
        let message: String
        let hint: String?
    }

    private static let shown = 100

    /// The path of the settings file, for messages.
    package let file: String
    private var problems: [Problem] = []

    package init(file: String) { self.file = file }

    package var isEmpty: Bool { problems.isEmpty }

    package func add(_ message: String, at position: SourcePosition, hint: String? = nil) {
        problems.append(Problem(position: position, message: message, hint: hint))
    }

    /// Ends the reading of a file.
    ///
    /// - Throws: `settings` when there are problems: a single one as `FILE:LINE:COLUMN: what` with its hint; up to a hundred,
    ///   each on a line of its own with its hint behind it.
    package func throwIfAny() throws(Fault) {
        let sorted = problems.sorted { $0.position < $1.position }
        guard let first = sorted.first else { return }
        if sorted.count == 1 {
            throw Fault(.settings, "\(file):\(first.position): \(first.message)", hint: first.hint)
        }
        var lines: [String] = []
        for problem in sorted.prefix(Self.shown) {
            let hint = problem.hint.map { " (\($0))" } ?? ""
            lines.append("\(file):\(problem.position): \(problem.message)\(hint)")
        }
        if sorted.count > Self.shown {
            let more = sorted.count - Self.shown
            lines.append("\(file): \(more) more \(more == 1 ? "problem" : "problems")")
        }
        throw Fault(.settings, lines.joined(separator: "\n"))
    }
}
