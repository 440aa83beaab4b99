/// The three stages.
package enum Stage: String, Codable, Sendable, CaseIterable {
    case collect, pack, ship
}
