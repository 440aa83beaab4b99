import Platform

/// Moments as inventories write them: `2022-12-12T13:20:39.000Z`, without an allocation.
enum ListedTime {
    /// Reads one; nothing for anything else.
    static func parse(_ text: UnsafeMutableRawBufferPointer) -> Timestamp? {
        guard text.count >= 20, text.count <= 30, text[text.count - 1] == UInt8(ascii: "Z"), text[10] == UInt8(ascii: "T"),
            text[4] == 0x2D, text[7] == 0x2D, text[13] == 0x3A, text[16] == 0x3A,
            let century = number(text, 0), let years = number(text, 2), let month = number(text, 5),
            let day = number(text, 8), let hour = number(text, 11), let minute = number(text, 14),
            let second = number(text, 17), hour < 24, minute < 60, second < 61,
            let date = CivilDate(year: century * 100 + years, month: month, day: day)
        else { return nil }
        var nanoseconds: UInt32 = 0
        if text.count > 20 {
            guard text[19] == UInt8(ascii: "."), text.count > 21 else { return nil }
            var scale: UInt32 = 100_000_000
            for byte in text[20..<(text.count - 1)] {
                guard byte &- 0x30 <= 9 else { return nil }
                nanoseconds += UInt32(byte &- 0x30) * scale
                scale /= 10
            }
        }
        return Timestamp(
            seconds: Int64(date.dayNumber) * 86_400 + Int64(hour * 3_600 + minute * 60 + second),
            nanoseconds: nanoseconds)
    }

    private static func number(_ text: UnsafeMutableRawBufferPointer, _ at: Int) -> Int? {
        let (high, low) = (text[at] &- 0x30, text[at + 1] &- 0x30)
        return high <= 9 && low <= 9 ? Int(high) * 10 + Int(low) : nil
    }
}
