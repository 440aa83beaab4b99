import Codec
package import Platform

/// What prune would do to one vault: the value that `--dry-run` prints and that is then carried out.
package struct VaultPrunePlan: Codable, Sendable {
    package enum Decision: String, Codable, Sendable {
        case keep, release, wait, quarantine, retire
        /// Marked, and the vault deletes it by its own rules, or waits for `--expire`.
        case leave
        case expire
        /// The vault has it no more.
        case gone
    }

    /// A manifest, and why it is kept or may go.
    package struct Run: Codable, Sendable, Equatable {
        package var run: String
        package var unit: String
        package var number: Int
        package var isKept: Bool
        package var why: [String]
    }

    /// An archive with its sidecars, or a manifest with its digests, that is not simply kept.
    package struct Item: Codable, Sendable, Equatable {
        package var object: String
        package var kind: Departure.Kind
        package var bytes: Int64
        package var storageClass: String
        package var created: String
        package var tenants: [String]
        package var run: String
        package var decision: Decision
        /// Until when it waits.
        package var until: String?
        package var why: [String]
        /// What deleting it now costs for the days that its class charges at the least, in US dollars.
        package var fee: Double?
    }

    /// A tenant of which so much would go at once that nothing goes.
    package struct Trip: Codable, Sendable, Equatable {
        package var tenant: String
        package var going: Int
        package var all: Int
    }

    package var vault: String
    package var place: String
    /// The time by the vault's own clock.
    package var now: String
    /// Manifests that are in the vault or in the ledger, newest run first.
    package var runs: [Run] = []
    package var items: [Item] = []
    package var kept = 0
    package var keptBytes: Int64 = 0
    /// What goes, in the plural, for people: archives, or objects.
    package var noun = "archives"
    /// Databases of which nothing can go, and why.
    package var undecided: [String: String]?
    /// Objects that a request to the source could not decide.
    package var unsure: Int?
    /// Why that was so, for the first of them.
    package var firstDoubt: String?
    /// Objects of which nothing needs one, that wait for their time.
    package var waiting: Int?
    /// Objects that are retired and wait for the vault, beyond those among the items, and their bytes.
    package var leaving: Int?
    package var leavingBytes: Int64?
    /// What stands for their keys: for whoever carries the plan out.
    var left: Set<KeyDigest> = []
    /// Objects below the job's prefix that no manifest has ever named: they are left alone.
    package var unknown = 0
    package var trips: [Trip] = []
    /// Groups that were approved, as far as they would have tripped.
    package var approved: [String] = []
    /// The newest run that goes, or waits for its turn: what was approved is approved for all of them.
    package var newestGoing: String?
    /// The bucket has no rule that deletes what is retired.
    package var lacksRule = false

    private enum CodingKeys: String, CodingKey {
        case vault, place, now, runs, items, kept, keptBytes, noun, undecided, unsure, firstDoubt, waiting, leaving
        case leavingBytes, unknown, trips, approved, newestGoing, lacksRule
    }

    package init(vault: String, place: String, now: Timestamp) {
        self.vault = vault
        self.place = place
        self.now = now.rfc3339
    }

    package func items(_ decision: Decision) -> [Item] { items.filter { $0.decision == decision } }

    /// Whether carrying it out changes anything.
    package var changesAnything: Bool {
        items.contains { ![.keep, .wait, .leave].contains($0.decision) }
    }
}
