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

    package func write(_ job: JobDirectory) throws(Fault) {
        try JSONFile.write(self, to: Self.name, in: try job.ledgerDirectory())
    }
}
