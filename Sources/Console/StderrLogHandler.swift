import Glibc
package import Logging
import Platform

/// Writes messages to stderr: plain lines on a terminal or in a pipe, with a level prefix `<N>` that journald reads
/// (sd-daemon(3)) when stderr is the journal; one JSON object a line where ``LogFormat`` says so.
///
/// The field `hint` is advice, and gets a line of its own.
package struct StderrLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let program: String
    private let isJournal: Bool

    package init(program: String, level: Logger.Level) {
        self.program = program
        logLevel = level
        isJournal = Journal.isStandardError
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata.merging(event.metadata ?? [:]) { $1 }
        let hint = all.removeValue(forKey: "hint").map { "\($0)" }
        if LogFormat.current == .json {
            let line = LogLine(
                event.level, program: program, event.message.description, hint: hint,
                fields: all.mapValues { LogLine.Field($0) })
            return Screen.message(line.bytes(isJournal: isJournal) + [0x0A])
        }
        let prefix = isJournal ? "<\(LogLine.priority(event.level))>" : ""
        var line = isJournal ? prefix : "\(program): \(word(event.level))"
        line += event.message.description
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        // One write, so that lines of several threads don't mix.
        Screen.message(Self.line(line) + (hint.map { Self.line("\(prefix)HINT: \($0)") } ?? []))
    }

    /// A newline in a name would fake a second line.
    private static func line(_ text: String) -> [UInt8] { text.utf8.map { $0 == 0x0A ? 0x20 : $0 } + [0x0A] }

    private func word(_ level: Logger.Level) -> String {
        switch level {
        case .critical, .error: "error: "
        case .warning: "warning: "
        case .debug, .trace: "debug: "
        case .info, .notice: ""
        }
    }
}
