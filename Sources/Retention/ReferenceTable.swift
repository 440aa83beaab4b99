import Codec
import Platform

/// All archives that some manifest names, and which manifest that is kept needs them: some 50 bytes for each, whatever the
/// length of its key.
final class ReferenceTable {
    /// 128 bits of two keyed hashes of a key (SipHash): that two keys share them is less likely than that a disk errs.
    private struct Name: Hashable {
        let high: Int
        let low: Int

        init(_ key: ByteString) {
            var (one, other) = (Hasher(), Hasher())
            other.combine(0x5C as UInt8)
            key.bytes.withUnsafeBytes {
                one.combine(bytes: $0)
                other.combine(bytes: $0)
            }
            (high, low) = (one.finalize(), other.finalize())
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
    /// What the row before had, as it stood there: most rows of a manifest are of one run.
    private var lastRun: (raw: [UInt8]?, day: Int32) = (nil, Int32.min)
    private var lastTenants: (raw: [UInt8]?, index: Int32) = (nil, 0)

    /// What is known of an archive.
    struct Known {
        var keeper: Int?
        var tenants: [String]
        var run: CivilDate?
    }

    private func index(_ tenants: [String]) -> Int32 {
        if let index = tenantIndexes[tenants] { return index }
        tenantLists.append(tenants)
        tenantIndexes[tenants] = Int32(tenantLists.count - 1)
        return Int32(tenantLists.count - 1)
    }

    /// Notes that a manifest names an archive.
    ///
    /// - Parameters:
    ///   - row: as ``ReferenceCache`` has it.
    ///   - keeper: the number of the manifest when it is kept.
    /// - Returns: what stands for the tenants in ``tenants(_:)``.
    /// - Throws: `damaged` for a field that can't be read.
    @discardableResult
    func add(_ row: RowReader, keeper: Int?) throws(Fault) -> Int32 {
        if !row.fieldEquals(lastRun.raw, 1) {
            lastRun = (row.rawField(1), CivilDate(try row.text(1)).map { Int32($0.dayNumber) } ?? Int32.min)
        }
        if !row.fieldEquals(lastTenants.raw, 2) {
            let list = try row.text(2).split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            lastTenants = (row.rawField(2), index(list))
        }
        let name = Name(try row.bytes(0))
        guard var known = archives[name] else {
            archives[name] = Archive(
                keeper: keeper.map { Int32($0) } ?? -1, tenants: lastTenants.index, day: lastRun.day)
            return lastTenants.index
        }
        let isKeeperNew = known.keeper < 0 && keeper != nil
        if isKeeperNew, let keeper { known.keeper = Int32(keeper) }
        let areTenantsNew = known.tenants != lastTenants.index
        if areTenantsNew {
            let lists = tenantLists[Int(known.tenants)] + tenantLists[Int(lastTenants.index)]
            known.tenants = index(Set(lists).sorted())
        }
        if isKeeperNew || areTenantsNew { archives[name] = known }
        return lastTenants.index
    }

    /// The tenants that some rows had.
    func tenants(_ indexes: Set<Int32>) -> Set<String> {
        indexes.reduce(into: []) { $0.formUnion(tenantLists[Int($1)]) }
    }

    /// Begins anew with who needs what.
    func forgetKeepers() {
        for index in archives.values.indices { archives.values[index].keeper = -1 }
    }

    /// Gives nothing for an archive that no manifest names.
    func known(_ key: String) -> Known? {
        archives[Name(ByteString(key))].map { archive in
            Known(
                keeper: archive.keeper < 0 ? nil : Int(archive.keeper), tenants: tenantLists[Int(archive.tenants)],
                run: archive.day == Int32.min ? nil : CivilDate(dayNumber: Int(archive.day)))
        }
    }
}
