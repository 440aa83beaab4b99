package import Ledger
package import Platform

/// What is asked for when an archived object is to be read.
package struct ThawRequest: Sendable, Hashable {
    package var tier: ThawTier
    /// How long the copy stays.
    package var days: Int

    package init(tier: ThawTier, days: Int) {
        self.tier = tier
        self.days = days
    }

    /// What is asked for of one class.
    package struct Sum: Codable, Sendable, Equatable {
        package var objects: Int64
        package var bytes: Int64

        package init(objects: Int64 = 0, bytes: Int64 = 0) {
            self.objects = objects
            self.bytes = bytes
        }
    }

    /// - Throws: `usage` for a tier that a class does not have.
    package func check(_ what: String, _ storageClass: String) throws(Fault) {
        guard tier.longest(from: storageClass) == nil else { return }
        throw Fault(
            .usage, "\(what) is in \(storageClass), which has no tier '\(tier.rawValue)'",
            hint: "Use --tier standard or --tier bulk.")
    }

    /// What asking for copies costs, with their storage for the days that they stay.
    ///
    /// - Parameters:
    ///   - sums: by storage class.
    ///   - table: the prices.
    ///   - region: of the bucket.
    /// - Returns: US dollars; nothing where the table lacks a price.
    package func dollars(_ sums: [String: Sum], _ table: PriceTable, in region: String) -> Double? {
        var dollars = 0.0
        for (storageClass, sum) in sums {
            guard
                let price = table.restoring(
                    objects: sum.objects, bytes: sum.bytes, tier: tier.rawValue, from: storageClass, in: region)
            else { return nil }
            // The copies are charged as objects of the hot class.
            dollars += price + table.writing(sum.bytes, to: "", in: region).month * Double(days) / 30
        }
        return dollars
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
