package import Platform

/// Where the keys of a database begin: a text with `{database}` in it once, such as `warehouse/{database}.db/`.
package struct DatabasePrefix: Hashable, Sendable, CustomStringConvertible {
    /// What stands before the name.
    package let before: [UInt8]
    /// What stands behind it; it ends with a slash, or one database would be the beginning of another.
    package let after: [UInt8]

    private static let variable = "{database}"

    /// Parses a prefix.
    ///
    /// - Throws: `settings` for one without `{database}`, with it twice, or with anything behind it that is not closed by a
    ///   slash.
    package init(_ text: String) throws(Fault) {
        let parts = text.split(separator: Self.variable, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw Fault(.settings, "expected {database} in it once", hint: "Write prefix = \"{database}/\".")
        }
        guard parts[1].hasSuffix("/") else {
            throw Fault(.settings, "must end with '/'", hint: "Write prefix = \"\(text)/\".")
        }
        if let mark = text.first(where: { "{}".contains($0) }), parts.joined().contains(mark) {
            throw Fault(.settings, "has another '\(mark)' than those of {database}")
        }
        before = Array(parts[0].utf8)
        after = Array(parts[1].utf8)
    }

    /// Finds the name of the database in a key; nothing when the key is in none.
    ///
    /// The name is not empty, has no slash, and is as short as it can be.
    package func name(in key: UnsafeRawBufferPointer) -> Range<Int>? {
        guard key.count > before.count + after.count, key.starts(with: before) else { return nil }
        var end = before.count
        while end + after.count <= key.count {
            if end > before.count, key[end...].starts(with: after) { return before.count..<end }
            guard key[end] != UInt8(ascii: "/") else { return nil }
            end += 1
        }
        return nil
    }

    /// The beginning of the keys of a database.
    package func prefix(of database: ByteString) -> ByteString { ByteString(bytes: before + database.bytes + after) }

    package var description: String {
        String(decoding: before, as: UTF8.self) + Self.variable + String(decoding: after, as: UTF8.self)
    }
}
