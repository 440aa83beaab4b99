import Glibc
package import Platform

/// The fields of the current row, as they are asked for.
extension RowReader {
    /// Whether the field is exactly `text`.
    package func field(_ index: Int, is text: StaticString) -> Bool {
        let field = raw(index)
        return field.count == text.utf8CodeUnitCount && text.withUTF8Buffer { field.elementsEqual($0) }
    }

    /// Whether the field is exactly `bytes`, as they stand in the row.
    package func fieldEquals(_ bytes: [UInt8]?, _ index: Int) -> Bool {
        guard let bytes else { return false }
        let field = raw(index)
        guard field.count == bytes.count, let own = field.baseAddress else { return field.count == bytes.count }
        return bytes.withUnsafeBytes { $0.baseAddress.map { memcmp(own, $0, field.count) == 0 } ?? true }
    }

    /// The bytes of a field as they stand in the row, escapes and all.
    package func rawField(_ index: Int) -> [UInt8] { Array(raw(index)) }

    /// Whether the field begins with `text`, which nothing in it escapes.
    package func hasPrefix(_ text: StaticString, _ index: Int) -> Bool {
        let field = raw(index)
        return text.withUTF8Buffer { field.starts(with: $0) }
    }

    /// A field as a byte string, unescaped.
    package func bytes(_ index: Int) throws(Fault) -> ByteString {
        let field = raw(index)
        guard Self.hasEscape(field) else { return ByteString(bytes: Array(field)) }
        var out: [UInt8] = []
        out.reserveCapacity(field.count)
        guard Self.unescape(field, into: &out) else { throw fault("field \(index + 1) has an unknown escape") }
        return ByteString(bytes: out)
    }

    /// What stands for a field, unescaped.
    package func key(_ index: Int) throws(Fault) -> KeyDigest {
        let field = raw(index)
        return Self.hasEscape(field) ? KeyDigest(try bytes(index)) : KeyDigest(field)
    }

    /// Undoes what ``RowWriter`` escapes.
    ///
    /// - Returns: false for an escape that is none, or has no end.
    static func unescape(_ field: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Bool {
        var at = 0
        while at < field.count {
            guard field[at] == 0x5C else {
                out.append(field[at])
                at += 1
                continue
            }
            guard at + 1 < field.count else { return false }
            switch field[at + 1] {
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case 0x5C: out.append(0x5C)
            case UInt8(ascii: "x"):
                guard at + 3 < field.count, let high = hexDigit(field[at + 2]), let low = hexDigit(field[at + 3]) else {
                    return false
                }
                out.append(high << 4 | low)
                at += 2
            default: return false
            }
            at += 2
        }
        return true
    }

    package func text(_ index: Int) throws(Fault) -> String {
        let field = raw(index)
        return Self.hasEscape(field)
            ? String(decoding: try bytes(index).bytes, as: UTF8.self) : String(decoding: field, as: UTF8.self)
    }

    package func int(_ index: Int) throws(Fault) -> Int64 {
        guard let value = Self.decimal(raw(index)) else { throw fault("field \(index + 1) is no number") }
        return value
    }

    package func optionalInt(_ index: Int) throws(Fault) -> Int64? { isEmpty(index) ? nil : try int(index) }

    /// The number of a user or group, 0 where the field is empty.
    package func owner(_ index: Int) throws(Fault) -> UInt32 {
        guard let value = UInt32(exactly: try optionalInt(index) ?? 0) else {
            throw fault("field \(index + 1) is an impossible owner")
        }
        return value
    }

    package func octal(_ index: Int) throws(Fault) -> UInt32 {
        var value: UInt32 = 0
        let field = raw(index)
        for byte in field {
            guard (0x30...0x37).contains(byte), value < 1 << 20 else {
                throw fault("field \(index + 1) is no octal number")
            }
            value = value * 8 + UInt32(byte - 0x30)
        }
        guard !field.isEmpty else { throw fault("field \(index + 1) is empty") }
        return value
    }

    package func timestamp(_ index: Int) throws(Fault) -> Timestamp {
        let field = raw(index)
        guard let dot = Self.place(of: UInt8(ascii: "."), in: field), field.count - dot == 10,
            let seconds = Self.decimal(UnsafeRawBufferPointer(rebasing: field[..<dot])),
            field[dot + 1] != UInt8(ascii: "-"),
            let fraction = Self.decimal(UnsafeRawBufferPointer(rebasing: field[(dot + 1)...]))
        else { throw fault("field \(index + 1) is no time") }
        guard field.first == UInt8(ascii: "-"), fraction > 0 else {
            return Timestamp(seconds: seconds, nanoseconds: UInt32(fraction))
        }
        guard seconds > .min else { throw fault("field \(index + 1) is no time") }
        return Timestamp(seconds: seconds - 1, nanoseconds: UInt32(1_000_000_000 - fraction))
    }

    package func digest(_ index: Int) throws(Fault) -> Digest256? {
        if isEmpty(index) { return nil }
        guard let digest = Digest256(hex: raw(index)) else {
            throw fault("field \(index + 1) is no SHA-256 digest")
        }
        return digest
    }

    private static func decimal(_ text: UnsafeRawBufferPointer) -> Int64? {
        let negative = text.first == UInt8(ascii: "-")
        let digits = text.dropFirst(negative ? 1 : 0)
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte - 0x30)
            // Towards its own sign, since the least number has no positive counterpart.
            let (sum, carried) = scaled.addingReportingOverflow(negative ? -digit : digit)
            if overflow || carried { return nil }
            value = sum
        }
        return value
    }

    private static func hasEscape(_ field: UnsafeRawBufferPointer) -> Bool { place(of: 0x5C, in: field) != nil }
}
