import Ledger
import Platform
import Retention
import Vault

/// The manifests that a vault should have and its listing lacks: those that the ledger or a record on staging names, and
/// those that a delete marker hides.
struct ExpectedManifests {
    struct Missing {
        var run: CivilDate
        var unit: String
        var number: Int
        var key: ObjectKey
        /// Who tells of it.
        var source: String
    }

    private(set) var missing: [Missing] = []
    private var candidates: [ObjectKey: String] = [:]
    private let layout: VaultLayout
    private let only: CivilDate?
    private let selection: EntrySelection
    private let found: VaultNames.Manifests

    /// Begins with what was listed.
    init(_ layout: VaultLayout, _ found: VaultNames.Manifests, run only: CivilDate?, _ selection: EntrySelection) {
        self.layout = layout
        self.found = found
        self.only = only
        self.selection = selection
    }

    /// Somebody tells of a manifest, or of something else, which is passed over.
    mutating func add(_ key: ObjectKey, by source: String) {
        guard let (run, unit, number) = layout.manifest(key), only == nil || run == only,
            // Of a higher number those below it count no more.
            number > found[run]?[unit]?.max() ?? 0, selection.selects(host: unit)
        else { return }
        candidates[key] = candidates[key] ?? source
    }

    /// Finds out which of them are missing.
    ///
    /// - Parameters:
    ///   - store: the vault: what was shipped since the listing is there now.
    ///   - certain: what nobody has to look up: what the ledger has, prune does not let go.
    ///   - departing: what prune is letting go.
    /// - Throws: the fault of the store.
    mutating func settle(_ store: any ObjectStore, certain: Set<ObjectKey>, departing: Set<ObjectKey>) throws(Fault) {
        var left = candidates.filter { !departing.contains($0.key) }
        for key in left.keys.sorted() where try store.head(key) != nil { left[key] = nil }
        let uncertain = Set(left.keys.filter { !certain.contains($0) }.map(\.description))
        if !uncertain.isEmpty {
            // Records outlive what prune has let go; the vault itself tells what that was.
            var gone: [String: Bool] = [:]
            try AuditLog.read(store, layout, torn: { _, _ in }) { line, _ in
                guard let object = line.object, uncertain.contains(object) else { return }
                switch line.action {
                case .retire, .expire, .gone: gone[object] = true
                case .release, .undo, .quarantine: gone[object] = false
                case .prune, .refuse, .approve, .hold, .endHold: break
                }
            }
            left = left.filter { !(gone[$0.key.description] ?? false) }
        }
        for (key, source) in left.sorted(by: { $0.key < $1.key }) {
            guard let (run, unit, number) = layout.manifest(key) else { continue }
            missing.append(Missing(run: run, unit: unit, number: number, key: key, source: source))
        }
    }

    /// The highest numbers of those that are missing.
    var numbers: [CivilDate: [String: Int]] {
        var numbers: [CivilDate: [String: Int]] = [:]
        for one in missing {
            numbers[one.run, default: [:]][one.unit] = max(numbers[one.run]?[one.unit] ?? 0, one.number)
        }
        return numbers
    }
}
