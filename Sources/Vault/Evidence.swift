/// How a vault's copy was proved, from weak to strong.
///
/// Staging is pruned only on evidence that reaches the job's minimum.
package enum Evidence: String, Codable, Sendable, CaseIterable {
    /// The store names an object of that size under the key.
    case head
    /// All bytes were read back from the store and have the digest.
    case reread
    /// The store itself computed the digest over what it keeps.
    case checksum
}

extension Evidence: Comparable {
    private var rank: Int {
        switch self {
        case .head: 0
        case .reread: 1
        case .checksum: 2
        }
    }

    package static func < (left: Evidence, right: Evidence) -> Bool { left.rank < right.rank }
}

extension Evidence: CustomStringConvertible {
    /// The word in records and settings.
    package var description: String { rawValue }
}
