/// The three stages.
package enum Stage: String, Codable, Sendable, CaseIterable {
    case collect, pack, ship

    /// The stage that hands work to this one.
    package var before: Stage? {
        switch self {
        case .collect: nil
        case .pack: .collect
        case .ship: .pack
        }
    }
}
