package import Codec

/// How hard a codec works: in words that each codec has its own level for, or as a codec counts.
package enum CompressionLevel: Hashable, Sendable {
    case named(NamedLevel)
    case number(Int)

    package static let balanced = CompressionLevel.named(.balanced)

    /// The level as `codec` counts.
    package func value(for codec: MemberCodec) -> Int {
        switch self {
        case .named(let name): codec.level(name)
        case .number(let number): number
        }
    }
}
