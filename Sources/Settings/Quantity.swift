/// A number with a unit behind it, the form that sizes and periods share.
struct Quantity {
    let whole: Int64
    /// The digits behind the point as a number, below ``scale``.
    let fraction: Int64
    /// Ten to the number of digits behind the point.
    let scale: Int64
    /// The letters behind the number; empty when there are none.
    let unit: String

    /// Reads `DIGITS[.DIGITS] [UNIT]`, with or without spaces before the unit.
    init?(_ text: String, fractionDigits: Int) {
        var rest = Array(text.utf8)[...]
        func digits() -> ArraySlice<UInt8> {
            let found = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(found.count)
            return found
        }
        guard let whole = Int64(String(decoding: digits(), as: UTF8.self)) else { return nil }
        self.whole = whole
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            let part = digits()
            guard part.count <= fractionDigits, let fraction = Int64(String(decoding: part, as: UTF8.self)) else {
                return nil
            }
            self.fraction = fraction
            scale = part.reduce(1) { scale, _ in scale * 10 }
        } else {
            (fraction, scale) = (0, 1)
        }
        let letters = rest.drop { $0 == UInt8(ascii: " ") }
        guard letters.allSatisfy({ (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }) else { return nil }
        guard !letters.isEmpty || rest.isEmpty else { return nil }
        unit = String(decoding: letters, as: UTF8.self)
    }
}
