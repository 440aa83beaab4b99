import Platform

/// The encoding of keys in an inventory in CSV: that of forms (HTML, application/x-www-form-urlencoded), where a space is
/// `+` and a plus sign `%2B`.
///
/// Bytes are decoded, and only what they make may be UTF-8: one letter can be several escapes.
package enum FormEncoding {
    /// Decodes in place.
    ///
    /// - Parameter bytes: what stands in the report; its beginning is replaced by what that means, which is never longer.
    /// - Returns: how many bytes that are; nothing for a `%` without two hexadecimal digits behind it.
    package static func decode(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
        var (from, to) = (0, 0)
        while from < bytes.count {
            let byte = bytes[from]
            from += 1
            switch byte {
            case UInt8(ascii: "+"): bytes[to] = 0x20
            case UInt8(ascii: "%"):
                guard from + 1 < bytes.count, let high = PathEscape.digit(bytes[from]),
                    let low = PathEscape.digit(bytes[from + 1])
                else {
                    return nil
                }
                bytes[to] = high << 4 | low
                from += 2
            default: bytes[to] = byte
            }
            to += 1
        }
        return to
    }
}
