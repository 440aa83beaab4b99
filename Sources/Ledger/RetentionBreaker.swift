/// Tells an accident from a policy at work: when much of a group goes at once, nothing of it goes until somebody approves.
package struct RetentionBreaker: Sendable {
    /// How much of a group would go.
    package struct Trip: Sendable, Equatable {
        /// What the objects have in common: a tenant, a table or a database.
        package var group: String
        package var going: Int
        package var all: Int
    }

    /// The part of a group, from 0 to 1, that may go at once.
    package let limit: Double

    package init(limit: Double) { self.limit = limit }

    /// Finds the groups of which more than the limit would go.
    ///
    /// - Parameters:
    ///   - going: how many objects of each group would go now.
    ///   - all: how many objects each group had at the last look.
    /// - Returns: those groups, by name.
    package func trips(going: [String: Int], of all: [String: Int]) -> [Trip] {
        going.sorted { $0.key < $1.key }.compactMap { group, count in
            // A group that is not known has had at least what goes.
            let total = max(all[group] ?? 0, count)
            guard count > 0, Double(count) > limit * Double(total) else { return nil }
            return Trip(group: group, going: count, all: total)
        }
    }
}
