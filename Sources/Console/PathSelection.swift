package import Platform

/// Paths and globs on a command line: a path selects itself and, for a directory, all below it.
package final class PathSelection {
    private let patterns: [(text: String, bytes: ByteString, glob: Glob)]
    private var matched: Set<Int> = []

    package init(_ patterns: [String]) {
        self.patterns = patterns.map { text in
            let trimmed = text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
            return (text, ByteString(trimmed), Glob(trimmed))
        }
    }

    /// Whether a name is selected; everything is when nothing was named.
    package func matches(_ name: ByteString) -> Bool {
        if patterns.isEmpty { return true }
        let plain = name.hasSuffix(UInt8(ascii: "/")) ? ByteString(name.bytes.dropLast()) : name
        var isSelected = false
        for (index, pattern) in patterns.enumerated() {
            let isBelow =
                plain.count > pattern.bytes.count && plain.hasPrefix(pattern.bytes)
                && plain.bytes[pattern.bytes.count] == UInt8(ascii: "/")
            if plain == pattern.bytes || isBelow || pattern.glob.matches(plain) {
                matched.insert(index)
                isSelected = true
            }
        }
        return isSelected
    }

    /// - Parameters:
    ///   - place: what was looked through, for the message.
    ///   - list: the whole command that shows what is there.
    /// - Throws: `notFound`, naming the first pattern that nothing matched, as tar does.
    package func checkAllMatched(in place: String, list: String) throws(Fault) {
        for (index, pattern) in patterns.enumerated() where !matched.contains(index) {
            throw Fault(
                .notFound, "\(place): has no '\(pattern.text)'",
                hint: "'\(list)' shows what is there; a path is the name in the archive, not that on the host.")
        }
    }
}
