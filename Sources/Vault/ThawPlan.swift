package import Ledger
package import Platform

/// Which of the objects that a restore reads must be thawed first, at what price, and how long that takes.
///
/// A value: it is printed before anything is asked for, and each later look at the objects gives a new one.
package struct ThawPlan: Sendable {
    /// An object in an archive class.
    package struct Object: Sendable, Hashable {
        package var key: ObjectKey
        package var size: Int64
        package var storageClass: String
        package var readability: Readability
        /// When a copy was asked for, and in which tier, where that is remembered.
        package var asked: ThawJournal.Asked?

        package init(
            key: ObjectKey, size: Int64, storageClass: String, readability: Readability, asked: ThawJournal.Asked? = nil
        ) {
            self.key = key
            self.size = size
            self.storageClass = storageClass
            self.readability = readability
            self.asked = asked
        }
    }

    package let request: ThawRequest
    /// Those that can't be read now, by key.
    package let waiting: [Object]

    /// - Parameters:
    ///   - objects: all objects of the restore, as they are now.
    ///   - request: what is asked for.
    /// - Throws: `usage` for a tier that the class of one of them does not have.
    package init(_ objects: [Object], _ request: ThawRequest) throws(Fault) {
        self.request = request
        waiting = objects.filter { !$0.readability.isReadable }.sorted { $0.key < $1.key }
        for object in archived { try request.check("'\(object.key)'", object.storageClass) }
    }

    /// Those for which a copy has to be asked.
    package var archived: [Object] { waiting.filter { $0.readability == .archived } }

    /// Their bytes: an object is thawed as a whole, however little of it is wanted.
    package var bytes: Int64 { archived.reduce(0) { $0 + $1.size } }

    /// What asking for the copies costs, with their storage for the days that they stay.
    ///
    /// - Returns: US dollars; nothing where the table lacks a price.
    package func dollars(_ table: PriceTable, in region: String) -> Double? {
        request.dollars(
            Dictionary(grouping: archived, by: \.storageClass)
                .mapValues { ThawRequest.Sum(objects: Int64($0.count), bytes: $0.reduce(0) { $0 + $1.size }) },
            table, in: region)
    }

    /// When everything can be read at the latest, by what the store promises; nothing when it can be now.
    ///
    /// What others have asked for, nobody knows when, counts from now on.
    package func readable(now: Timestamp) -> Timestamp? {
        waiting.map { object in
            let asked = object.readability == .thawing ? object.asked : nil
            let tier = asked?.tier ?? request.tier
            let start = asked?.at ?? now
            let longest =
                tier.longest(from: object.storageClass) ?? ThawTier.standard.longest(from: object.storageClass)
            return Timestamp(seconds: start.seconds + (longest ?? 0))
        }.max()
    }
}
