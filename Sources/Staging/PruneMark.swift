import Codec
package import Ledger
package import Platform

/// `RUN/pruned.json`: which units' content was removed from staging, since every vault holds it.
///
/// It is written before anything is removed, so that what is missing is known to be pruned and not lost.
package struct PruneMark: Codable, Sendable, Equatable {
    package struct Unit: Codable, Sendable, Equatable {
        package var at: String
        /// The digest of the unit's first output: what was made anew since is not pruned.
        package var sha256: String
        /// When its record was finished, since what was made anew may have the same bytes; earlier versions don't tell.
        package var made: String?
    }

    package var format = JSONFile.format
    /// Units by stage.
    package var stages: [String: [String: Unit]] = [:]

    package init() {}

    private static let name = ByteString("pruned.json")

    package static func read(_ run: RunDirectory) throws(Fault) -> PruneMark {
        try JSONFile.read(PruneMark.self, name, in: run.directory) ?? PruneMark()
    }

    package func write(_ run: RunDirectory) throws(Fault) {
        try JSONFile.write(self, to: Self.name, in: run.directory)
    }

    /// When the content of a unit was removed, or nothing when it is to be there.
    package func time(of record: UnitRecord) -> String? {
        guard let unit = stages[record.stage.rawValue]?[record.unit],
            unit.sha256 == record.outputs.first?.sha256.description, unit.made ?? record.finishedAt == record.finishedAt
        else { return nil }
        return unit.at
    }

    package mutating func add(_ record: UnitRecord, at moment: Timestamp) {
        guard let sha256 = record.outputs.first?.sha256.description else { return }
        stages[record.stage.rawValue, default: [:]][record.unit] = Unit(
            at: moment.rfc3339, sha256: sha256, made: record.finishedAt)
    }

    /// The newest removal of a stage's content, for people.
    package func newest(_ stage: Stage) -> String? { stages[stage.rawValue]?.values.map(\.at).max() }

    /// What is said when content is needed that was pruned.
    package static func fault(_ what: String, at moment: String, _ run: RunDirectory) -> Fault {
        Fault(
            .notFound, "\(what): was pruned from staging at \(moment), after every vault held it",
            hint:
                "Restore it with 'ship restore \(run.job.name) --run \(run.date)', or take it anew with 'collect \(run.job.name) --run \(run.date) --force'."
        )
    }
}

extension RunDirectory {
    package func pruneMark() throws(Fault) -> PruneMark { try PruneMark.read(self) }
}
