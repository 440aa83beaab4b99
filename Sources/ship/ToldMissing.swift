import Ledger
import Platform

/// What was told last as missing of a job, and when: `notified.JOB._missing.json` in the state directory.
struct ToldMissing: Codable, Equatable {
    var at: Int64
    var missing: [String]

    /// The same is told again only after so many seconds.
    private static let pause: Int64 = 86_400

    /// Whether the same was told shortly before this; a time that lies ahead is none.
    func isAgain(_ other: ToldMissing) -> Bool {
        missing == other.missing && (at..<at + Self.pause).contains(other.at)
    }
}
