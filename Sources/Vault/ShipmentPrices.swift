package import Ledger

/// What an archive with its sidecars costs in one bucket.
package struct ShipmentPrices: Sendable {
    /// The day of the prices, and all of them.
    package let table: PriceTable
    private let region: String
    private let storageClass: String
    private let sidecarClass: String

    /// HEAD before an object is copied or sent in parts, and again to prove it; what one request writes is refused where
    /// the key is taken, and only proved.
    private static let (aroundParts, afterOne) = (2, 1)
    /// Bytes of the file with the digests of the other two, about.
    private static let digestFile: Int64 = 256

    /// Prices of a bucket.
    ///
    /// - Parameters:
    ///   - table: what the store charges.
    ///   - region: where the bucket is.
    ///   - storageClass: of archives; empty for the store's default.
    ///   - sidecarClass: of what lies beside them.
    package init(_ table: PriceTable, region: String, storageClass: String, sidecarClass: String) {
        self.table = table
        self.region = region
        self.storageClass = storageClass
        self.sidecarClass = sidecarClass
    }

    /// An archive, its index and its digests.
    ///
    /// - Parameters:
    ///   - bytes: the archive's size.
    ///   - parts: its upload parts.
    ///   - index: the size of its index.
    /// - Returns: three objects.
    package func archive(_ bytes: Int64, parts: Int, index: Int64) -> CostEstimate {
        let lookups = parts > 1 ? Self.aroundParts : Self.afterOne
        var estimate = table.writing(bytes, parts: parts, lookups: lookups, to: storageClass, in: region)
        // The index is asked for before the archive is sent, and the store's answer proves both of these.
        estimate += table.writing(index, lookups: 1, to: sidecarClass, in: region)
        estimate += table.writing(Self.digestFile, to: sidecarClass, in: region)
        return estimate
    }

    /// The copy of an object, with its HEAD at the source and the one before it is written.
    ///
    /// - Parameters:
    ///   - bytes: its size.
    ///   - parts: parts of the copy; 1 or less for a single request.
    ///   - storageClass: of the copy.
    /// - Returns: one object.
    package func copy(_ bytes: Int64, parts: Int, to storageClass: String) -> CostEstimate {
        table.writing(bytes, parts: parts, lookups: Self.aroundParts, to: storageClass, in: region)
    }
}
