/// A value of a settings file, with its place.
package struct TomlElement {
    package enum Value {
        case string(String)
        case integer(Int64)
        case float(Double)
        case boolean(Bool)
        /// A date or time of TOML, which no key takes.
        case dateTime
        case array([TomlElement])
        case table(TomlTable)
    }

    package let value: Value
    package let position: SourcePosition

    /// The value as messages name it: `14`, `"yes"`, `an array`.
    package var description: String {
        switch value {
        case .string(let text): quoted(text)
        case .integer(let number): String(number)
        case .float(let number): String(number)
        case .boolean(let flag): String(flag)
        case .dateTime: "a date or time"
        case .array(let elements): elements.isEmpty ? "an empty array" : "an array"
        case .table: "a table"
        }
    }
}

/// The text between quotes as one line, cut where it is too long for a message.
func quoted(_ text: String, _ mark: String = "\"") -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(80) { shown += scalar.escaped(asASCII: false) }
    return mark + shown + (text.unicodeScalars.count > 80 ? "..." : "") + mark
}
