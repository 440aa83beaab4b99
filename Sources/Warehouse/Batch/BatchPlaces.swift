package import Platform

/// Where the lists and the completion reports of S3 Batch Operations lie in a vault: below `JOB/_batch/RUN/`.
///
/// A list is `DATABASE.data.DIGEST.csv`, the report of its job lies below `DATABASE.data/`; that of the one job of a
/// full snapshot below `_snapshot/`.
package struct BatchPlaces: Sendable {
    private let job: String
    private static let snapshot = "_snapshot"

    package init(job: String) { self.job = job }

    /// What all of them begin with.
    package var prefix: String { "\(job)/_batch/" }

    /// The key of a list.
    ///
    /// - Parameters:
    ///   - unit: the database.
    ///   - part: what the job copies.
    ///   - run: the run.
    ///   - digest: SHA-256 of the list.
    /// - Returns: its name below the vault's prefix.
    package func list(_ unit: String, _ part: BatchCSV.Part, run: CivilDate, digest: String) -> String {
        "\(prefix)\(run)/\(unit).\(part.rawValue).\(digest.prefix(Self.digits)).csv"
    }

    /// What the report of a job is put below.
    package func report(_ unit: String, _ part: BatchCSV.Part, run: CivilDate) -> String {
        "\(prefix)\(run)/\(unit).\(part.rawValue)"
    }

    /// What the report of a snapshot's job is put below.
    package func snapshotReport(run: CivilDate) -> String { "\(prefix)\(run)/\(Self.snapshot)" }

    /// Of which run and database something is.
    ///
    /// - Parameter key: of an object in the vault.
    /// - Returns: an empty unit for what is of the whole run; nothing for what ship has not put there.
    package func owner(of key: String) -> (run: CivilDate, unit: String)? {
        guard key.hasPrefix(prefix) else { return nil }
        let parts = key.dropFirst(prefix.utf8.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1, let run = CivilDate(String(parts[0])) else { return nil }
        if parts.count > 2, parts[1] == Self.snapshot { return (run, "") }
        var name = parts[1]
        if parts.count == 2 {
            guard name.hasSuffix(".csv") else { return nil }
            name = name.dropLast(".csv".utf8.count)
            guard let dot = name.lastIndex(of: "."), name[name.index(after: dot)...].utf8.count == Self.digits else {
                return nil
            }
            name = name[..<dot]
        }
        for part in BatchCSV.Part.allCases where name.hasSuffix(".\(part.rawValue)") {
            name = name.dropLast(part.rawValue.utf8.count + 1)
            return name.isEmpty ? nil : (run, String(name))
        }
        return nil
    }

    /// Of the digest of a list, in its name.
    private static let digits = 16
}
