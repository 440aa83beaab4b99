package import Codec
import Platform

/// A table of a settings file, which remembers the keys that were asked for: all others are unknown.
///
/// A getter gives nothing when the key is missing, and also when its value is wrong: then it has noted the problem.
package final class TomlTable {
    struct Entry {
        let key: String
        let keyPosition: SourcePosition
        let element: TomlElement
    }

    /// The keys that lead here from the top: `["tenant", "acme"]`.
    package let path: [String]
    /// Where the table's header stands.
    package let position: SourcePosition
    /// The keys that have been asked for.
    package private(set) var askedKeys: Set<String> = []
    private let entries: [String: Entry]
    private let problems: ProblemList

    init(path: [String], position: SourcePosition, entries: [Entry], _ problems: ProblemList) {
        self.path = path
        self.position = position
        self.entries = Dictionary(entries.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        self.problems = problems
    }

    // MARK: Reading

    /// The value of a key, whatever its type.
    package func element(_ key: String) -> TomlElement? {
        askedKeys.insert(key)
        return entries[key]?.element
    }

    package func has(_ key: String) -> Bool { entries[key] != nil }

    /// Reads a value with `read`, which gives nothing for what it can't take: `'KEY': expected EXPECTED, found VALUE`.
    package func value<T>(_ key: String, _ expected: String, _ read: (TomlElement.Value) -> T?) -> T? {
        guard let element = element(key) else { return nil }
        if let value = read(element.value) { return value }
        problem(key, "expected \(expected), found \(element.description)")
        return nil
    }

    package func string(_ key: String, _ expected: String = "a string") -> String? {
        value(key, expected) { if case .string(let text) = $0 { text } else { nil } }
    }

    package func boolean(_ key: String) -> Bool? {
        value(key, "true or false") { if case .boolean(let flag) = $0 { flag } else { nil } }
    }

    package func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        value(key, "a number from \(range.lowerBound) to \(range.upperBound)") {
            if case .integer(let number) = $0, range.contains(Int(number)) { Int(number) } else { nil }
        }
    }

    package func byteCount(_ key: String) -> ByteCount? {
        value(key, #"a size such as "200 GiB""#) {
            switch $0 {
            case .string(let text): ByteCount(text)
            case .integer(let number) where number >= 0: ByteCount(bytes: number)
            default: nil
            }
        }
    }

    package func days(_ key: String) -> Period? {
        let found: Period? = value(key, #"a period such as "14 days""#) {
            if case .string(let text) = $0 { Period(text) } else { nil }
        }
        guard let period = found else { return nil }
        if period.isWholeDays { return period }
        problem(key, "expected whole days, found \(quoted(period.description))")
        return nil
    }

    package func period(_ key: String) -> Period? {
        value(key, #"a period such as "10 min""#) {
            if case .string(let text) = $0 { Period(text) } else { nil }
        }
    }

    package func rate(_ key: String) -> ByteRate? {
        value(key, #"a rate such as "400 MiB/s""#) {
            if case .string(let text) = $0 { ByteRate(text) } else { nil }
        }
    }

    package func window(_ key: String) -> TimeWindow? {
        value(key, #"a part of the day such as "20:00-06:00""#) {
            if case .string(let text) = $0 { TimeWindow(text) } else { nil }
        }
    }

    /// A share in whole percent, from 0 to 1.
    package func share(_ key: String, from least: Int, example: Int = 10) -> Double? {
        value(key, "a share such as \"\(example)%\"") {
            guard case .string(let text) = $0, text.hasSuffix("%"), let percent = Int(text.dropLast()),
                (least...100).contains(percent)
            else { return nil }
            return Double(percent) / 100
        }
    }

    /// A string that is one of an enum's names.
    func choice<T: RawRepresentable & CaseIterable>(_ key: String, _ type: T.Type) -> T? where T.RawValue == String {
        let names = T.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
        return value(key, names) { if case .string(let text) = $0 { T(rawValue: text) } else { nil } }
    }

    /// A string that `parse` turns into a value; its fault is noted at the string.
    func parsed<T>(_ key: String, default standard: String, _ parse: (String) throws(Fault) -> T) -> T? {
        let text = string(key)
        if text == nil && has(key) { return nil }
        do { return try parse(text ?? standard) } catch {
            problem(key, error.message, hint: error.hint)
            return nil
        }
    }

    /// A table that stands as `[KEY]` or as `KEY = { ... }`.
    package func table(_ key: String) -> TomlTable? {
        value(key, "a table { ... }") {
            if case .table(let table) = $0 { table } else { nil }
        }
    }

    /// A level of `codec`.
    package func level(_ key: String, of codec: MemberCodec) -> CompressionLevel? {
        guard let levels = codec.levels else {
            if has(key) {
                problem(key, "has no meaning with codec \(quoted(codec.rawValue))")
                askedKeys.insert(key)
            }
            return nil
        }
        let words = #""fast", "balanced", "small" or a number from \#(levels.lowerBound) to \#(levels.upperBound)"#
        return value(key, words) {
            switch $0 {
            case .string(let name): NamedLevel(rawValue: name).map { .named($0) }
            case .integer(let number): Int(exactly: number).flatMap { levels.contains($0) ? .number($0) : nil }
            default: nil
            }
        }
    }

    /// An absolute path without `.` and `..`, and without slashes at its end.
    package func absolutePath(_ key: String) -> String? {
        guard let text = string(key, "an absolute path") else { return nil }
        if let path = AbsolutePath.checked(text) { return path }
        problem(key, "expected an absolute path, found \(quoted(text))")
        return nil
    }

    /// A list of strings, each with its place; an empty list is a problem.
    package func strings(_ key: String, _ expected: String) -> [(text: String, position: SourcePosition)]? {
        let found: [TomlElement]? = value(key, expected) {
            if case .array(let elements) = $0, !elements.isEmpty { elements } else { nil }
        }
        guard let found else { return nil }
        var list: [(text: String, position: SourcePosition)] = []
        var seen: Set<String> = []
        for element in found {
            guard case .string(let text) = element.value else {
                add("'\(name(of: key))': expected a string, found \(element.description)", at: element.position)
                return nil
            }
            if !seen.insert(text).inserted {
                add("'\(name(of: key))': \(quoted(text)) stands there twice", at: element.position)
            }
            list.append((text, element.position))
        }
        return list
    }

    /// The tables below a key, as `[vault.NAME]` makes them, in the order of the file.
    package func tables(_ key: String) -> [(name: String, position: SourcePosition, table: TomlTable)] {
        let found: TomlTable? = value(key, "tables [\(name(of: key)).NAME]") {
            if case .table(let table) = $0 { table } else { nil }
        }
        return found?.innerTables() ?? []
    }

    /// The tables in this one, in the order of the file; anything else in it is a problem.
    package func innerTables() -> [(name: String, position: SourcePosition, table: TomlTable)] {
        let sorted = entries.values.sorted { ($0.keyPosition, $0.key) < ($1.keyPosition, $1.key) }
        return sorted.compactMap { entry in
            guard case .table(let table) = entry.element.value else {
                let outer = path.map { quoted($0, "") }.joined(separator: ".")
                add(
                    "'\(name(of: entry.key))': expected a table [\(outer).NAME], found \(entry.element.description)",
                    at: entry.element.position)
                return nil
            }
            return (entry.key, entry.keyPosition, table)
        }
    }

    // MARK: Problems

    /// Notes that a key that must be there is missing.
    package func missing(_ key: String, hint: String? = nil) {
        askedKeys.insert(key)
        add("missing key '\(name(of: key))'", at: position, hint: hint)
    }

    /// Notes a problem at the value of a key.
    package func problem(_ key: String, _ message: String, hint: String? = nil) {
        add("'\(name(of: key))': \(message)", at: entries[key]?.element.position ?? position, hint: hint)
    }

    /// Notes a problem at some place.
    package func add(_ message: String, at position: SourcePosition, hint: String? = nil) {
        problems.add(message, at: position, hint: hint)
    }

    /// Notes every key that was never asked for; called once, when all keys have been read.
    package func refuseUnknownKeys() {
        for entry in entries.values where !askedKeys.contains(entry.key) {
            let near = NearestName.of(entry.key, among: askedKeys)
            add(
                "unknown key '\(name(of: entry.key))'", at: entry.keyPosition,
                hint: near.map { "Did you mean '\(name(of: $0))'?" })
        }
    }

    /// The key with the keys that lead to it: `tenant.acme.level`.
    private func name(of key: String) -> String {
        (path + [key]).map { quoted($0, "") }.joined(separator: ".")
    }
}
