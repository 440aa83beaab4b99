import Glibc
import Platform

/// What is written to stderr: messages that stay, and below them lines that are drawn anew again and again.
enum Screen {
    private static let drawn = Monitor<[String]>([])

    /// Writes a message above the lines that are drawn.
    static func message(_ bytes: [UInt8]) {
        drawn.with { lines in
            if lines.isEmpty { return write(bytes) }
            write(erasure(of: lines) + bytes + text(of: lines))
        }
    }

    /// Draws lines in the place of those before; none of them may be wider than the terminal.
    static func draw(_ new: [String]) {
        drawn.with { lines in
            write(erasure(of: lines) + text(of: new))
            lines = new
        }
    }

    /// How many columns the terminal has.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb" }

    /// To the start of the first line, then all below away (ECMA-48 CPL, ED).
    private static func erasure(of lines: [String]) -> [UInt8] {
        lines.isEmpty ? [] : Array("\u{1B}[\(lines.count)F\u{1B}[J".utf8)
    }

    private static func text(of lines: [String]) -> [UInt8] { lines.flatMap { Array($0.utf8) + [0x0A] } }

    private static func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
