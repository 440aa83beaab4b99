/// How fast, and at what price, a store makes an archived object readable (RestoreObject, S3 API reference).
package enum ThawTier: String, CaseIterable, Sendable {
    case bulk, standard, expedited

    /// The word of the API.
    package var word: String {
        switch self {
        case .bulk: "Bulk"
        case .standard: "Standard"
        case .expedited: "Expedited"
        }
    }

    /// Seconds that the store takes at the longest, by what the S3 user guide says (Archive retrieval options).
    ///
    /// - Parameter storageClass: the object's class, or its tier of Intelligent-Tiering.
    /// - Returns: nothing where the class has no such tier.
    package func longest(from storageClass: String) -> Int64? {
        let isDeep = ["DEEP_ARCHIVE", "DEEP_ARCHIVE_ACCESS"].contains(storageClass)
        return switch self {
        case .bulk: (isDeep ? 48 : 12) * 3_600
        case .standard: (isDeep ? 12 : 5) * 3_600
        case .expedited: isDeep ? nil : 5 * 60
        }
    }
}
