import Platform
import TestSupport

/// The commands that stand in a manual page, as somebody would type them.
struct ManualCommands {
    /// The literal blocks of a section or subsection, each with its commands in order.
    let blocks: [[String]]

    /// Reads a page of `man/`.
    ///
    /// - Parameters:
    ///   - page: such as `ship.1`.
    ///   - heading: the section with its macro, such as `.Sh EXAMPLES`.
    /// - Throws: `notFound` for a page without that heading.
    init(_ page: String, _ heading: String) throws {
        let text = String(
            decoding: try Directory.open(Repository.root + "/man").readFile(ByteString(page)), as: UTF8.self)
        guard let start = text.firstRange(of: heading + "\n") else {
            throw Fault(.notFound, "\(page) has no \(heading)")
        }
        var blocks: [[String]] = []
        var isLiteral = false
        for line in text[start.upperBound...].split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix(".Sh ") || (line.hasPrefix(".Ss ") && heading.hasPrefix(".Ss ")) { break }
            if line.hasPrefix(".Bd ") {
                isLiteral = true
                blocks.append([])
            } else if line.hasPrefix(".Ed") {
                isLiteral = false
            } else if isLiteral {
                Self.take(line.replacing("\\e", with: "\\"), into: &blocks[blocks.count - 1])
            }
        }
        self.blocks = blocks.filter { !$0.isEmpty }
    }

    /// A line begins a command, goes on with the one before, or is what that prints.
    private static func take(_ line: some StringProtocol, into commands: inout [String]) {
        for prompt in ["$ ", "# "] where line.hasPrefix(prompt) {
            return commands.append(String(line.dropFirst(prompt.count)))
        }
        guard let last = commands.last, last.hasSuffix("|") || last.hasSuffix("\\") || isOpen(last) else { return }
        commands[commands.count - 1] += "\n" + line
    }

    /// Whether a quote or a loop of the shell goes on.
    private static func isOpen(_ command: String) -> Bool {
        let words = command.split(whereSeparator: \.isWhitespace)
        return command.count { $0 == "'" } % 2 == 1
            || words.count { $0 == "do" } > words.count { $0 == "done" || $0 == "done;" }
    }
}
