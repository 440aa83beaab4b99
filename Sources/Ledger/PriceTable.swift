package import Platform

/// What a store charges, by region and storage class, in US dollars.
///
/// An estimate and no bill: list prices of a day, without discounts, free allowances, taxes and data transfer.
package struct PriceTable: Sendable, Equatable {
    /// The prices of a storage class in a region.
    package struct Prices: Sendable, Equatable {
        /// A GB (2^30 bytes) for a month.
        package var storage: Double
        /// 1000 requests that write: PUT, COPY, POST, LIST.
        package var put: Double
        /// 1000 requests that read: GET, HEAD and others.
        package var get: Double
        /// 1000 objects that a lifecycle rule moves into the class.
        package var transition: Double
        /// What makes objects readable or is charged for reading them, by the tier's name: `standard`, `bulk`,
        /// `expedited`; `direct` for a class that is read without a request before.
        package var restore: [String: Restore]

        package init(storage: Double, put: Double, get: Double, transition: Double, restore: [String: Restore] = [:]) {
            self.storage = storage
            self.put = put
            self.get = get
            self.transition = transition
            self.restore = restore
        }
    }

    /// The price of a tier of RestoreObject.
    package struct Restore: Sendable, Equatable {
        /// 1000 requests.
        package var requests: Double
        /// A GB (2^30 bytes).
        package var bytes: Double

        package init(requests: Double, bytes: Double) {
            self.requests = requests
            self.bytes = bytes
        }
    }

    /// What holds for a storage class everywhere.
    package struct Terms: Sendable, Equatable {
        /// Days that are charged, however soon an object is deleted or overwritten.
        package var minimumDays: Int
        /// Bytes that are charged for a smaller object.
        package var minimumBytes: Int64
        /// Bytes that each object adds in the class itself.
        package var overhead: Int64
        /// Bytes that each object adds at the price of ``PriceTable/hotClass``.
        package var hotOverhead: Int64

        package init(minimumDays: Int = 0, minimumBytes: Int64 = 0, overhead: Int64 = 0, hotOverhead: Int64 = 0) {
            self.minimumDays = minimumDays
            self.minimumBytes = minimumBytes
            self.overhead = overhead
            self.hotOverhead = hotOverhead
        }

        /// Whether the class is an archive, whose upload parts are charged as the hot class's until they are complete.
        package var isArchive: Bool { overhead > 0 }
    }

    /// The class of an object that names none.
    package static let hotClass = "STANDARD"

    /// When the prices were looked up.
    package var date: CivilDate
    package var terms: [String: Terms]
    /// The prices by region and class.
    package var regions: [String: [String: Prices]]

    package init(date: CivilDate, terms: [String: Terms], regions: [String: [String: Prices]]) {
        self.date = date
        self.terms = terms
        self.regions = regions
    }

    private func find(_ storageClass: String, _ region: String) -> (prices: Prices, terms: Terms, hot: Prices)? {
        guard let classes = regions[region], let hot = classes[Self.hotClass],
            let prices = classes[storageClass.isEmpty ? Self.hotClass : storageClass]
        else { return nil }
        return (prices, terms[storageClass] ?? Terms(), hot)
    }

    // MARK: Estimates

    /// What writing and keeping one object costs.
    ///
    /// - Parameters:
    ///   - bytes: the object's size.
    ///   - parts: upload parts; 1 or less for a single PUT.
    ///   - lookups: requests that read beside it, such as HEAD.
    ///   - storageClass: the class; empty for the hot one.
    ///   - region: where the bucket is.
    /// - Returns: an estimate; without dollars where the table has no price.
    package func writing(_ bytes: Int64, parts: Int = 1, lookups: Int = 0, to storageClass: String, in region: String)
        -> CostEstimate
    {
        // A multipart upload is created and completed beside its parts.
        let staged = parts > 1 ? parts + 1 : 0
        var estimate = CostEstimate(objects: 1, bytes: bytes, requests: Int64(staged + 1 + lookups))
        guard let (prices, terms, hot) = find(storageClass, region) else {
            estimate.unpriced = 1
            return estimate
        }
        estimate.now =
            (Double(staged) * (terms.isArchive ? hot.put : prices.put) + prices.put + Double(lookups) * prices.get)
            / 1_000
        estimate.month = keeping(bytes, prices, terms, hot)
        return estimate
    }

    /// What moving objects into a class by a lifecycle rule costs, without keeping them there.
    package func transition(objects: Int64, to storageClass: String, in region: String) -> Double? {
        find(storageClass, region).map { Double(objects) * $0.prices.transition / 1_000 }
    }

    /// What making objects readable costs, without sending them out of the region.
    ///
    /// - Parameters:
    ///   - objects: how many.
    ///   - bytes: their sizes together; an archive is thawed as a whole.
    ///   - tier: `standard`, `bulk`, `expedited`, or `direct` where nothing has to be thawed.
    ///   - storageClass: their class.
    ///   - region: where the bucket is.
    /// - Returns: dollars; nothing where the class has no such tier or no price.
    package func restoring(
        objects: Int64, bytes: Int64, tier: String, from storageClass: String, in region: String
    ) -> Double? {
        guard let (prices, _, _) = find(storageClass, region), let price = prices.restore[tier] else { return nil }
        return Double(objects) * price.requests / 1_000 + Self.gigabytes(bytes) * price.bytes
    }

    /// What deleting or overwriting an object before the class's minimum costs: its storage for the days that are left.
    ///
    /// - Returns: dollars, 0 for an object that is old enough; nothing without a price.
    package func earlyDeletion(_ bytes: Int64, ageDays: Int, from storageClass: String, in region: String) -> Double? {
        guard let (prices, terms, _) = find(storageClass, region) else { return nil }
        let left = max(0, terms.minimumDays - max(0, ageDays))
        let charged = max(bytes, terms.minimumBytes) + terms.overhead
        return Self.gigabytes(charged) * prices.storage * Double(left) / Self.daysOfMonth
    }

    private func keeping(_ bytes: Int64, _ prices: Prices, _ terms: Terms, _ hot: Prices) -> Double {
        Self.gigabytes(max(bytes, terms.minimumBytes) + terms.overhead) * prices.storage
            + Self.gigabytes(terms.hotOverhead) * hot.storage
    }

    private static let daysOfMonth = 30.0

    private static func gigabytes(_ bytes: Int64) -> Double { Double(bytes) / Double(1 << 30) }
}
