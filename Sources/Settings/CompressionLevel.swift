/// How hard gzip works: a level of libdeflate.
package struct CompressionLevel: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The level of libdeflate, 1 (fast) to 12 (small).
    package let value: Int

    package static let fast = CompressionLevel(unchecked: 1)
    package static let balanced = CompressionLevel(unchecked: 6)
    package static let small = CompressionLevel(unchecked: 9)

    private init(unchecked value: Int) { self.value = value }

    /// Makes a level from its number, 1 to 12.
    package init?(_ value: Int) {
        guard (1...12).contains(value) else { return nil }
        self.value = value
    }

    /// Makes a level from its name: `fast`, `balanced` or `small`.
    package init?(name: String) {
        switch name {
        case "fast": self = .fast
        case "balanced": self = .balanced
        case "small": self = .small
        default: return nil
        }
    }

    package static func < (left: CompressionLevel, right: CompressionLevel) -> Bool { left.value < right.value }

    package var description: String {
        switch self {
        case .fast: "fast"
        case .balanced: "balanced"
        case .small: "small"
        default: String(value)
        }
    }
}
