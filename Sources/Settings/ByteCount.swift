import Platform

/// A number of bytes, as people write sizes: `200 GiB`, `400 MB`, `1.5TiB`, `4096`.
///
/// KiB, MiB, GiB, TiB, PiB are powers of 1024; kB, MB, GB, TB, PB are powers of 1000.
package struct ByteCount: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of bytes; never negative.
    package let bytes: Int64

    private static let units: [(name: String, bytes: Int64)] = [
        ("B", 1),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("PiB", 1 << 50),
        ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("PB", 1_000_000_000_000_000),
    ]

    package static let zero = ByteCount(bytes: 0)

    package init(bytes: Int64) { self.bytes = max(0, bytes) }

    /// Reads a size; nothing when the text is none, or is beyond 8 EiB.
    ///
    /// A fraction has at most six digits, and a part of a byte is dropped.
    package init?(_ text: String) {
        guard let quantity = Quantity(text, fractionDigits: 6) else { return nil }
        guard let unit = quantity.unit.isEmpty ? 1 : Self.units.first(where: { $0.name == quantity.unit })?.bytes else {
            return nil
        }
        let (whole, overflow) = quantity.whole.multipliedReportingOverflow(by: unit)
        // A product of a fraction below 10^6 and a unit of at most 2^50 bytes may need 70 bits.
        let product = quantity.fraction.multipliedFullWidth(by: unit)
        let part = quantity.scale.dividingFullWidth(product).quotient
        let (sum, carry) = whole.addingReportingOverflow(part)
        guard !overflow, !carry else { return nil }
        bytes = sum
    }

    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// The size in the largest power of 1024 that it reaches, with at most one decimal: `1.5 TiB`.
    package var description: String {
        let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var power = 0
        var tenths = UInt64(bytes).multipliedReportingOverflow(by: 10).partialValue
        while power + 1 < names.count, bytes >> (10 * (power + 1)) > 0 || tenths >= 10_240 {
            power += 1
            let unit = UInt64(1) << (10 * UInt64(power))
            let (whole, rest) = UInt64(bytes).quotientAndRemainder(dividingBy: unit)
            tenths = whole * 10 + (rest * 10 + unit / 2) / unit
        }
        return tenths % 10 == 0
            ? "\(tenths / 10) \(names[power])" : "\(tenths / 10).\(tenths % 10) \(names[power])"
    }
}
