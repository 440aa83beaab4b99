import Codec
import Platform

/// All archives that some manifest names, and which manifest that is kept needs them: some 50 bytes for each, whatever the
/// length of its key.
struct ReferenceTable {
    /// 128 bits of the digest of a key: that two keys share them is less likely than that a disk errs.
    private struct Name: Hashable {
        let high: UInt64
        let low: UInt64

        init(_ key: String) {
            let bytes = SHA256Hasher.digest(of: Array(key.utf8)).bytes
            high = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
            low = bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private struct Archive {
        /// The manifest that is kept and needs it; less than 0 for none.
        var keeper: Int32
        var tenants: Int32
        /// The day of the run that made it.
        var day: Int32
    }

    private var archives: [Name: Archive] = [:]
    private var tenantLists: [[String]] = []
    private var tenantIndexes: [[String]: Int32] = [:]

    /// What is known of an archive.
    struct Known {
        var keeper: Int?
        var tenants: [String]
        var run: CivilDate?
    }

    private mutating func index(_ tenants: [String]) -> Int32 {
        if let index = tenantIndexes[tenants] { return index }
        tenantLists.append(tenants)
        tenantIndexes[tenants] = Int32(tenantLists.count - 1)
        return Int32(tenantLists.count - 1)
    }

    /// Notes that a manifest names an archive.
    ///
    /// - Parameters:
    ///   - reference: the archive as the manifest names it.
    ///   - keeper: the number of the manifest when it is kept.
    mutating func add(_ reference: ManifestReferences.Reference, keeper: Int?) {
        let name = Name(reference.object)
        let day = CivilDate(reference.run).map { Int32($0.dayNumber) } ?? Int32.min
        guard var known = archives[name] else {
            archives[name] = Archive(
                keeper: keeper.map { Int32($0) } ?? -1, tenants: index(reference.tenants), day: day)
            return
        }
        if known.keeper < 0, let keeper { known.keeper = Int32(keeper) }
        let list = tenantLists[Int(known.tenants)]
        if list != reference.tenants { known.tenants = index(Set(list + reference.tenants).sorted()) }
        archives[name] = known
    }

    /// Gives nothing for an archive that no manifest names.
    func known(_ key: String) -> Known? {
        archives[Name(key)].map { archive in
            Known(
                keeper: archive.keeper < 0 ? nil : Int(archive.keeper), tenants: tenantLists[Int(archive.tenants)],
                run: archive.day == Int32.min ? nil : CivilDate(dayNumber: Int(archive.day)))
        }
    }
}
