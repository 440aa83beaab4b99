import Codec
import Ledger
import Platform
import Vault

/// Why things in a vault are needed: by manifests that are kept, by open runs, and by whoever has to approve first.
struct PruneNeeds {
    let census: ManifestCensus
    /// Why each manifest is kept.
    private(set) var reasons: [[String]]
    private(set) var table: ReferenceTable
    /// Tenants of which much would go at once.
    private(set) var blocked: Set<String> = []
    /// What begins to go only with a later prune: what manifests of runs after this day name.
    let lastDay: Int32
    private let departures: Departures
    /// Keys that open runs carry from or have just shipped, each with the date of one of the runs.
    private let open: [KeyDigest: CivilDate]
    private let numbers: [String: Int]

    /// - Parameters:
    ///   - prune: of the vault.
    ///   - census: its manifests, with what they name.
    ///   - departures: what is on its way out already.
    ///   - now: the time by the vault's clock.
    /// - Throws: the fault of a manifest, or of a list of an open run, that can't be read.
    init(_ prune: VaultPrune, _ census: ManifestCensus, _ departures: Departures, _ now: Timestamp) throws(Fault) {
        self.census = census
        self.departures = departures
        reasons = census.reasons(
            policy: prune.request.policy, holds: prune.request.holds, open: prune.open, now: now)
        var numbers: [String: Int] = [:]
        for (index, manifest) in census.manifests.enumerated() { numbers[manifest.key.description] = index }
        self.numbers = numbers
        var open: [KeyDigest: CivilDate] = [:]
        var last = ""
        try prune.open.forEachCarried { row, run in
            // Entries of one archive mostly follow each other.
            if row.object != last { open[KeyDigest(row.object)] = run }
            last = row.object
        }
        for (key, run) in try prune.open.shipped(to: prune.vault.name) { open[KeyDigest(key)] = run }
        self.open = open
        table = try Self.table(census, reasons, departures, prune)
        lastDay = Self.lastDay(table.goingByDay, limit: prune.request.mostAtOnce)
    }

    private static func table(
        _ census: ManifestCensus, _ reasons: [[String]], _ departures: Departures, _ prune: VaultPrune
    ) throws(Fault) -> ReferenceTable {
        let kept = reasons.map { !$0.isEmpty }
        let goes = census.manifests.map { departures[$0.key.description] == nil }
        return try census.table(kept: kept, goes: goes, prune)
    }

    /// The last day of which all archives can begin to go, oldest first, and the first one in any case.
    static func lastDay(_ days: [Int32: Int], limit: Int) -> Int32 {
        var left = limit
        var last: Int32?
        for (day, count) in days.sorted(by: { $0.key < $1.key }) {
            if let last, count > left { return last }
            left -= count
            last = day
        }
        return Int32.max
    }

    /// Has all wait of which one of some tenants has something.
    mutating func block(_ tenants: Set<String>, _ prune: VaultPrune) throws(Fault) {
        blocked = tenants
        for (index, manifest) in census.manifests.enumerated()
        where departures[manifest.key.description] == nil && !blocked.isDisjoint(with: manifest.tenants) {
            reasons[index].append(Self.approval)
        }
        table = try Self.table(census, reasons, departures, prune)
    }

    private static let approval = "waits for approval"

    /// The manifest with a key, where the census has it.
    func manifest(_ key: String) -> ManifestCensus.Manifest? { numbers[key].map { census.manifests[$0] } }

    /// Why something is needed; nothing where it is not.
    func why(_ key: String, _ kind: Departure.Kind, tenants: [String]) -> [String] {
        var why: [String] = []
        let departure = departures[key]
        if kind == .manifest {
            why = numbers[key].map { reasons[$0] } ?? []
        } else {
            let digest = KeyDigest(key)
            if let keeper = table.known(digest)?.keeper { why.append(census.manifests[keeper].name) }
            if let date = open[digest] { why.append("open run \(date)") }
            if departure == nil, !blocked.isDisjoint(with: tenants) { why.append(Self.approval) }
        }
        // Whatever has come of it since, what was begun is ended.
        if departure?.state == .releasing { why.append("was being taken back") }
        return why
    }

    /// The day of the newest run that goes and names something that nothing needs; the first day there is for what goes
    /// already.
    func day(_ key: String, _ kind: Departure.Kind) -> Int32 {
        guard departures[key] == nil else { return Int32.min }
        if kind == .manifest { return manifest(key).map { Int32($0.run.dayNumber) } ?? Int32.min }
        return table.known(KeyDigest(key))?.newest ?? Int32.min
    }
}
