package import Platform

/// What is wrong with one settings file, gathered so that one look at the message is enough to repair it.
package final class ProblemList {
    private struct Problem {
        let position: SourcePosition
        let message: String
        let hint: String?
    }

    private static let shown = 10

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
    /// - Throws: `settings` when there are problems: the first one of the file as `FILE:LINE:COLUMN: what` with its
    ///   hint, and up to nine more, each on a line of its own.
    package func throwIfAny() throws(Fault) {
        let sorted = problems.sorted { $0.position < $1.position }
        guard let first = sorted.first else { return }
        var lines = ["\(file):\(first.position): \(first.message)"]
        for problem in sorted.dropFirst().prefix(Self.shown - 1) {
            let hint = problem.hint.map { " (\($0))" } ?? ""
            lines.append("\(file):\(problem.position): \(problem.message)\(hint)")
        }
        if sorted.count > Self.shown { lines.append("\(file): \(sorted.count - Self.shown) more problems") }
        throw Fault(.settings, lines.joined(separator: "\n"), hint: first.hint)
    }
}
