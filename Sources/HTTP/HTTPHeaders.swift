/// Header fields in order; names are compared without regard to case (RFC 9110, 5.1).
package struct HTTPHeaders: Sendable, Equatable {
    /// One line of a header.
    package struct Field: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var fields: [Field]

    package init(_ fields: [(String, String)] = []) { self.fields = fields.map { Field($0.0, $0.1) } }

    /// The value of the first field of this name; setting one replaces all of them, setting nothing removes them.
    package subscript(name: String) -> String? {
        get { fields.first { Self.same($0.name, name) }?.value }
        set {
            fields.removeAll { Self.same($0.name, name) }
            if let newValue { fields.append(Field(name, newValue)) }
        }
    }

    /// Adds a field, whether or not there is one of its name.
    package mutating func append(_ name: String, _ value: String) { fields.append(Field(name, value)) }

    /// Letter by letter: a request and its answer compare some hundred names, and new strings would cost more than the rest.
    private static func same(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count
            && zip(left.utf8, right.utf8).allSatisfy { $0 == $1 || lower($0) == lower($1) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}
