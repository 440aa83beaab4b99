package import Platform

/// Builds rows of tab-separated values in one reusable buffer, without a `String` per field.
///
/// Fields are escaped so that every byte string fits: `\t`, `\n`, `\r`, `\\`, and `\xHH` for other control bytes.
/// Bytes from 0x80 on stay as they are, so that `zgrep` finds names as the file system has them.
package struct RowWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    private var atStart = true

    package init() {}

    package mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        atStart = true
    }

    /// Ends the row.
    package mutating func endRow() {
        bytes.append(UInt8(ascii: "\n"))
        atStart = true
    }

    private mutating func separate() {
        if atStart { atStart = false } else { bytes.append(UInt8(ascii: "\t")) }
    }

    /// An empty field.
    package mutating func empty() { separate() }

    package mutating func field(_ value: Int64) {
        separate()
        append(decimal: value)
    }

    package mutating func field(_ value: Int64?) {
        separate()
        if let value { append(decimal: value) }
    }

    /// Permission bits in octal, as chmod(1) takes them.
    package mutating func field(octal value: UInt32) {
        separate()
        var digits: [UInt8] = []
        var rest = value
        repeat {
            digits.append(UInt8(0x30 + rest % 8))
            rest /= 8
        } while rest > 0
        while digits.count < 4 { digits.append(0x30) }
        bytes.append(contentsOf: digits.reversed())
    }

    /// Seconds with nine decimals since 1970: `1732060800.123456789`.
    package mutating func field(_ moment: Timestamp) {
        separate()
        append(moment)
    }

    package mutating func append(_ moment: Timestamp) {
        var (whole, parts) = (moment.seconds, moment.nanoseconds)
        // Half a second before 1970 is kept as -1 and half a second more; what stands in a table is the number itself,
        // which `touch -d @NUMBER` takes.
        if whole < 0 && parts > 0 {
            (whole, parts) = (whole + 1, 1_000_000_000 - parts)
            if whole == 0 { append(ascii: "-") }
        }
        append(decimal: whole)
        append(ascii: ".")
        var divisor: UInt32 = 100_000_000
        while divisor > 0 {
            bytes.append(UInt8(0x30 + parts / divisor % 10))
            divisor /= 10
        }
    }

    package mutating func field(_ value: ByteString) {
        separate()
        for byte in value.bytes {
            if byte >= 0x20 && byte != 0x5C && byte != 0x7F { bytes.append(byte) } else { append(escaped: byte) }
        }
    }

    package mutating func field(_ value: StaticString) {
        separate()
        value.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    package mutating func field(_ value: String) {
        separate()
        for byte in value.utf8 {
            if byte >= 0x20 && byte != 0x5C && byte != 0x7F { bytes.append(byte) } else { append(escaped: byte) }
        }
    }

    package mutating func field(_ digest: Digest256?) {
        separate()
        if let digest { digest.write(to: &self) }
    }

    /// Joins fields that another writer made.
    package mutating func append(raw fields: ArraySlice<UInt8>) {
        bytes.append(contentsOf: fields)
        atStart = false
    }

    /// A field, or several with tabs between them, as another table has it: its escapes stay.
    package mutating func field(raw field: UnsafeRawBufferPointer) {
        separate()
        bytes.append(contentsOf: field)
    }

    /// Joins bytes to the field before them as they are.
    package mutating func append(raw field: UnsafeRawBufferPointer) { bytes.append(contentsOf: field) }

    /// Joins a text that needs no escapes to the field before it.
    package mutating func append(raw text: String) { bytes.append(contentsOf: text.utf8) }

    /// Bytes as a field, escaped.
    package mutating func field(_ value: UnsafeRawBufferPointer) {
        separate()
        for byte in value {
            if byte >= 0x20 && byte != 0x5C && byte != 0x7F { bytes.append(byte) } else { append(escaped: byte) }
        }
    }

    /// Joins a further value to the field before it.
    package mutating func append(ascii text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

    private mutating func append(escaped byte: UInt8) {
        bytes.append(0x5C)
        switch byte {
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x5C: bytes.append(0x5C)
        default:
            bytes.append(UInt8(ascii: "x"))
            withUnsafeBytes(of: byte) { append(hex: $0) }
        }
    }

    mutating func append(hex raw: UnsafeRawBufferPointer) {
        for byte in raw {
            let (high, low) = (byte >> 4, byte & 15)
            bytes.append(high < 10 ? 0x30 + high : 0x61 + high - 10)
            bytes.append(low < 10 ? 0x30 + low : 0x61 + low - 10)
        }
    }

    package mutating func append(decimal value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var magnitude = value.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(0x30 + magnitude % 10))
            magnitude /= 10
        } while magnitude > 0
        bytes[start...].reverse()
    }
}
