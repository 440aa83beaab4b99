package import Ledger
package import Platform
package import Staging

/// `ledger/holds.json`: the legal holds of a job.
package struct HoldList: Codable, Sendable, Equatable {
    package var format = JSONFile.format
    package var holds: [LegalHold] = []

    private static let name = ByteString("holds.json")

    package init() {}

    /// - Throws: `damaged` for a list that can't be read: no hold is forgotten.
    package static func read(_ job: JobDirectory) throws(Fault) -> HoldList {
        try JSONFile.read(HoldList.self, name, in: try job.ledgerDirectory()) ?? HoldList()
    }

    /// Adds holds that somebody else tells of; of two on the same tenants the one that lasts longer counts.
    package mutating func merge(_ others: [LegalHold]) {
        for hold in others {
            guard let index = holds.firstIndex(where: { $0.tenant == hold.tenant }) else {
                holds.append(hold)
                continue
            }
            if let until = holds[index].until, hold.until.map({ until < $0 }) ?? true { holds[index] = hold }
        }
    }

    package func write(_ job: JobDirectory) throws(Fault) {
        try JSONFile.write(self, to: Self.name, in: try job.ledgerDirectory())
    }
}
