/// A file of the AWS tools: sections of keys and values, as `~/.aws/config` and `~/.aws/credentials` are.
///
/// The format is that of the AWS SDKs' reference guide, "Format of the config file": a key may have keys of its own in
/// indented lines (`s3 =`), or a value that goes on there.
struct SharedConfigFile: Sendable, Equatable {
    /// The keys of a section with their values; a nested key stands as `OUTER.INNER`.
    ///
    /// Keys are in lower case.
    typealias Section = [String: String]

    /// The sections by what stands between the brackets, with single spaces; one that stands there twice is joined.
    private(set) var sections: [String: Section] = [:]

    init(_ text: String) {
        var section: String?
        var outer: String?
        for line in text.split(whereSeparator: \.isNewline) {
            let trimmed = Self.trimmed(line)
            if trimmed.isEmpty || trimmed.hasPrefix("#") || trimmed.hasPrefix(";") { continue }
            if trimmed.hasPrefix("["), !(line.first?.isWhitespace ?? false) {
                outer = nil
                section = Self.name(of: trimmed)
                if let section { sections[section, default: [:]].merge([:]) { old, _ in old } }
                continue
            }
            // What stands under a broken heading belongs to nobody.
            guard let section else { continue }
            if line.first?.isWhitespace ?? false, let key = outer {
                if let (inner, value) = Self.pair(trimmed), sections[section]?[key]?.isEmpty ?? true {
                    sections[section]?["\(key).\(inner)"] = value
                } else {
                    sections[section]?[key, default: ""] += "\n" + trimmed
                }
            } else if let (key, value) = Self.pair(trimmed) {
                sections[section]?[key] = value
                outer = key
            } else {
                // Of a line that means nothing, none is the continuation.
                outer = nil
            }
        }
    }

    /// `[ profile  x ] # note` as `profile x`; nothing for a heading that is none.
    private static func name(of heading: String) -> String? {
        guard let end = heading.firstIndex(of: "]") else { return nil }
        let rest = trimmed(heading[heading.index(after: end)...])
        guard rest.isEmpty || rest.hasPrefix("#") || rest.hasPrefix(";") else { return nil }
        let words = heading[..<end].dropFirst().split(whereSeparator: \.isWhitespace)
        return words.isEmpty ? nil : words.joined(separator: " ")
    }

    private static func pair(_ line: String) -> (key: String, value: String)? {
        guard let equals = line.firstIndex(of: "=") else { return nil }
        let key = trimmed(line[..<equals]).lowercased()
        guard !key.isEmpty, !key.contains(where: \.isWhitespace) else { return nil }
        return (key, withoutComment(trimmed(line[line.index(after: equals)...])))
    }

    /// A comment behind a value begins with a space before its mark, since a value may contain the mark itself.
    private static func withoutComment(_ value: String) -> String {
        var previous: Character = " "
        for index in value.indices {
            if previous.isWhitespace, value[index] == "#" || value[index] == ";" { return trimmed(value[..<index]) }
            previous = value[index]
        }
        return value
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var rest = text[...]
        while rest.first?.isWhitespace ?? false { rest.removeFirst() }
        while rest.last?.isWhitespace ?? false { rest.removeLast() }
        return String(rest)
    }
}
