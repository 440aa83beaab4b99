import Ledger
import Logging
import Platform

/// A message as one line for stderr.
struct LogLine: Encodable {
    let time: String
    let level: String
    let program: String
    let message: String
    let hint: String?
    let fields: [String: Field]

    /// What a message is about: a word, or a figure.
    enum Field: Encodable, Equatable, ExpressibleByStringLiteral {
        case text(String)
        case whole(Int64)
        case real(Double)

        init(stringLiteral value: String) { self = .text(value) }

        init(_ value: Logger.MetadataValue) {
            switch value {
            case .stringConvertible(let number as Int): self = .whole(Int64(number))
            case .stringConvertible(let number as Int64): self = .whole(number)
            case .stringConvertible(let number as Double): self = .real(number)
            default: self = .text("\(value)")
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .whole(let number): try container.encode(number)
            case .real(let number): try container.encode(number)
            }
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// - Parameters:
    ///   - level: how much it matters.
    ///   - program: who tells it.
    ///   - message: what is told.
    ///   - hint: what to do, where the message is a fault.
    ///   - fields: what it is about; none of them hides one of the line's own.
    ///   - clock: the time of the line.
    init(
        _ level: Logger.Level, program: String, _ message: String, hint: String? = nil, fields: [String: Field] = [:],
        clock: Clock = .system
    ) {
        time = clock.now().rfc3339
        self.level = level.rawValue
        self.program = program
        self.message = message
        self.hint = hint
        self.fields = fields
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (name, value) in fields { try container.encode(value, forKey: Key(name)) }
        try container.encode(time, forKey: Key("time"))
        try container.encode(level, forKey: Key("level"))
        try container.encode(program, forKey: Key("program"))
        try container.encode(message, forKey: Key("message"))
        try container.encodeIfPresent(hint, forKey: Key("hint"))
    }

    /// The line without its end; in front of it the priority that journald takes off, where stderr is the journal.
    func bytes(isJournal: Bool) -> [UInt8] {
        let prefix = isJournal ? Array("<\(priority)>".utf8) : []
        // What can't be encoded is told all the same.
        return prefix + ((try? JSONFile.encodeLine(self)) ?? Array(message.utf8))
    }

    private var priority: Int { Logger.Level(rawValue: level).map(Self.priority) ?? 6 }

    /// The levels of syslog(3).
    static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }
}
