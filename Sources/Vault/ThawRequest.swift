package import Ledger

/// What is asked for when an archived object is to be read.
package struct ThawRequest: Sendable, Hashable {
    package var tier: ThawTier
    /// How long the copy stays.
    package var days: Int

    package init(tier: ThawTier, days: Int) {
        self.tier = tier
        self.days = days
    }
}

/// What a store answers; each of them is progress.
package enum ThawAnswer: Sendable, Hashable {
    /// The copy will be there in hours.
    case requested
    /// There is a copy already; its days count anew.
    case available
    /// It was asked for before.
    case underWay
    /// The object can be read as it is.
    case notNeeded
}
