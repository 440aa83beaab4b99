import Codec
import Ledger
import Platform
import Vault

/// What the manifests of a vault name, put into the sorter as they are read.
struct VaultNames {
    /// The manifests of each host in each run, by their numbers.
    typealias Manifests = [CivilDate: [String: [Int]]]

    /// The manifests that count: the one with the highest number of each host in each run.
    private(set) var manifests = 0
    /// Manifests that can't be read.
    private(set) var findings: [ObjectFinding] = []

    private let layout: VaultLayout
    private let selection: EntrySelection
    private let writer: ObjectGroup.Writer

    /// Archives of which it is remembered that a manifest has named them: entries of one archive mostly follow each other,
    /// and what is told twice does no harm.
    private static let remembered = 4_096

    /// Reads the manifests that are there.
    ///
    /// - Parameters:
    ///   - found: those that are there, of the runs that are wanted.
    ///   - missing: the highest numbers of those that should be there; the ones below count no more.
    ///   - layout: of the job.
    ///   - selection: only these hosts, and archives with entries of these tenants.
    ///   - isWhole: whether older manifests are read, too.
    ///   - writer: takes what they name.
    ///   - open: opens a manifest.
    /// - Throws: what keeps all of them from being read.
    init(
        _ found: Manifests, missing: [CivilDate: [String: Int]], _ layout: VaultLayout, _ selection: EntrySelection,
        isWhole: Bool, into writer: ObjectGroup.Writer, _ open: (ObjectKey) throws(Fault) -> ManifestReader
    ) throws(Fault) {
        self.layout = layout
        self.selection = selection
        self.writer = writer
        for (run, units) in found.sorted(by: { $0.key < $1.key }) {
            for (unit, numbers) in units.sorted(by: { $0.key < $1.key }) where selection.selects(host: unit) {
                let newest = max(numbers.max() ?? 0, missing[run]?[unit] ?? 0)
                for number in numbers.sorted() {
                    try Shutdown.check()
                    let key = try layout.manifest(run: run, unit: unit, number: number)
                    let isNewest = number == newest
                    if isNewest {
                        manifests += 1
                        try writer.manifest(key)
                    } else {
                        for key in ObjectGroup.withDigest(key) { try writer.superseded(key) }
                    }
                    guard isNewest || isWhole else { continue }
                    do throws(Fault) { try read(try open(key), counts: isNewest) } catch {
                        if [.interrupted, .unreachable, .noSpace].contains(error.code) { throw error }
                        findings.append(
                            ObjectFinding(
                                error.code == .damaged ? .altered : .unreadable, key,
                                "what it names is not known: \(error)"))
                    }
                }
            }
        }
    }

    /// Reads what a manifest names.
    ///
    /// - Parameters:
    ///   - reader: of the manifest.
    ///   - counts: whether it has the highest number.
    /// - Throws: `damaged` for one that can't be read to its end.
    func read(_ reader: ManifestReader, counts: Bool) throws(Fault) {
        var last = ""
        var seen: Set<String> = []
        while let row = try reader.next() {
            guard selection.selects(row), !row.object.isEmpty, row.object != last else { continue }
            try Shutdown.check()
            last = row.object
            guard seen.insert(row.object).inserted else { continue }
            if seen.count > Self.remembered { seen = [row.object] }
            let key = try ObjectKey(row.object)
            if counts {
                try writer.archive(key, run: row.run)
            } else {
                for key in ObjectGroup.withSidecars(key) { try writer.superseded(key) }
            }
        }
    }
}
