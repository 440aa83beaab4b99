/// The one escaper: bytes that a name may not hold become `%HH`, so that every name has one safe spelling and back.
package enum PathEscape {
    private static let hex = Array("0123456789ABCDEF".utf8)

    /// Escapes to the name grammar `[A-Za-z0-9][A-Za-z0-9._-]*`: a name as jobs, hosts, tenants have it.
    ///
    /// A leading dot, dash or underscore is escaped too; names that begin with `_` are ours.
    package static func escape(_ name: ByteString) -> String {
        var out: [UInt8] = []
        for (index, byte) in name.bytes.enumerated() {
            if isAlphanumeric(byte) || (index > 0 && isMark(byte)) { out.append(byte) } else { append(byte, to: &out) }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Whether a name already has the grammar.
    package static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, isAlphanumeric(first) else { return false }
        return name.utf8.allSatisfy { isAlphanumeric($0) || isMark($0) }
    }

    /// Escapes what NFS or a UTF-8 file system would refuse in one component of a path.
    ///
    /// Escaped are control bytes, a leading dot, `%` itself, and every byte beyond ASCII in a name that is not UTF-8. A
    /// name that is then longer than 240 bytes is cut and ends with `%~` and its digest, since a name has at most 255
    /// bytes (NAME_MAX).
    ///
    /// - Parameters:
    ///   - name: the component, as the source has it.
    ///   - digest: called for names that are too long; gives a short text unique to the name.
    /// - Returns: the escaped name; `name` itself where nothing has to be escaped or cut.
    package static func escapeComponent(_ name: ByteString, digest: (ByteString) -> String) -> ByteString {
        let percent = UInt8(ascii: "%")
        let plain = name.bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != percent }
        if plain && name.bytes.first != UInt8(ascii: ".") && name.count <= 240 { return name }
        let valid = plain || String(validating: name.bytes, as: UTF8.self) != nil
        var out: [UInt8] = []
        for (index, byte) in name.bytes.enumerated() {
            let keep =
                byte >= 0x20 && byte != 0x7F && byte != percent && (byte < 0x80 || valid)
                && !(index == 0 && byte == UInt8(ascii: "."))
            if keep { out.append(byte) } else { append(byte, to: &out) }
        }
        guard out.count > 240 else { return ByteString(bytes: out) }
        // Cut at a whole character, or the rest of the name would not be UTF-8.
        var cut = 180
        while cut > 0 && (out[cut] & 0xC0 == 0x80 || out[cut - 1] == percent || out[cut - 2] == percent) { cut -= 1 }
        return ByteString(bytes: Array(out[..<cut]) + [percent, UInt8(ascii: "~")] + Array(digest(name).utf8))
    }

    /// Undoes ``escape(_:)``; nothing when a `%` has no two hexadecimal digits behind it.
    package static func unescape(_ text: String) -> ByteString? {
        var out: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            guard let high = bytes.popFirst().flatMap(digit), let low = bytes.popFirst().flatMap(digit) else {
                return nil
            }
            out.append(high << 4 | low)
        }
        return ByteString(bytes: out)
    }

    private static func append(_ byte: UInt8, to out: inout [UInt8]) {
        out += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
    }

    /// The value of a hexadecimal digit.
    package static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func isMark(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }
}
