import Codec
import Platform

/// All archives that some manifest names, and which manifest that is kept needs them: some 40 bytes for each, whatever the
/// length of its key.
///
/// An archive has a number, by which what a manifest names is told again without its key.
final class ReferenceTable {
    private struct Archive {
        let key: KeyDigest
        /// The manifest that is kept and needs it; less than 0 for none.
        var keeper: Int32 = -1
        var tenants: Int32
        /// The day of the run that made it.
        let day: Int32
        /// The day of the newest run that goes and names it.
        var newest = Int32.min
    }

    /// In pieces, so that nothing is copied when there are more.
    private var pieces: [[Archive]] = []
    private var count = 0
    private static let shift = 15
    private static let pieceSize = 1 << shift

    /// Numbers of archives, and one more, by the places that their keys ask for; 0 is free.
    private var slots = [UInt32](repeating: 0, count: 1 << 12)

    private var tenantLists: [[String]] = []
    private var tenantIndexes: [[String]: Int32] = [:]
    private var unions: [[Int32]: Int32] = [:]

    // MARK: Tenants

    /// What stands for a sorted list of tenants.
    func index(_ tenants: [String]) -> Int32 {
        if let index = tenantIndexes[tenants] { return index }
        tenantLists.append(tenants)
        tenantIndexes[tenants] = Int32(tenantLists.count - 1)
        return Int32(tenantLists.count - 1)
    }

    /// What stands for the tenants of several lists together: those that are the same are kept once.
    func index(_ lists: Set<Int32>) -> Int32 {
        if lists.count == 1, let one = lists.first { return one }
        let sorted = lists.sorted()
        if let index = unions[sorted] { return index }
        let tenants = sorted.reduce(into: Set<String>()) { $0.formUnion(tenantLists[Int($1)]) }
        let index = index(tenants.sorted())
        unions[sorted] = index
        return index
    }

    func tenants(_ index: Int32) -> [String] { tenantLists[Int(index)] }

    // MARK: Archives

    private subscript(_ number: UInt32) -> Archive {
        get { pieces[Int(number) >> Self.shift][Int(number) & (Self.pieceSize - 1)] }
        set { pieces[Int(number) >> Self.shift][Int(number) & (Self.pieceSize - 1)] = newValue }
    }

    /// The place of a key: of its archive, or a free one.
    private func slot(_ key: KeyDigest) -> Int {
        var place = Int(truncatingIfNeeded: key.low) & (slots.count - 1)
        while slots[place] != 0, self[slots[place] - 1].key != key { place = (place + 1) & (slots.count - 1) }
        return place
    }

    /// Notes that a manifest names an archive.
    ///
    /// - Parameters:
    ///   - key: its key.
    ///   - tenants: whose entries the manifest has in it.
    ///   - day: of the run that made it.
    /// - Returns: its number.
    func add(_ key: KeyDigest, tenants: Int32, day: Int32) -> UInt32 {
        let place = slot(key)
        if slots[place] != 0 {
            let number = slots[place] - 1
            let known = self[number].tenants
            if known != tenants { self[number].tenants = index([known, tenants]) }
            return number
        }
        if count & (Self.pieceSize - 1) == 0 {
            pieces.append([])
            pieces[pieces.count - 1].reserveCapacity(Self.pieceSize)
        }
        pieces[pieces.count - 1].append(Archive(key: key, tenants: tenants, day: day))
        count += 1
        slots[place] = UInt32(count)
        if count > slots.count / 10 * 7 { grow() }
        return UInt32(count - 1)
    }

    private func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for number in 0..<UInt32(count) { slots[slot(self[number].key)] = number + 1 }
    }

    // MARK: Who needs what

    /// Begins anew with who needs what.
    func forgetKeepers() {
        for piece in pieces.indices {
            for index in pieces[piece].indices {
                (pieces[piece][index].keeper, pieces[piece][index].newest) = (-1, Int32.min)
            }
        }
    }

    /// A manifest that is kept needs an archive.
    func keep(_ number: UInt32, for manifest: Int) {
        if self[number].keeper < 0 { self[number].keeper = Int32(manifest) }
    }

    /// A manifest that goes names an archive.
    func letGo(_ number: UInt32, with run: CivilDate) {
        self[number].newest = max(self[number].newest, Int32(run.dayNumber))
    }

    /// How many archives go with the manifests of each day: with the last that names them.
    var goingByDay: [Int32: Int] {
        var days: [Int32: Int] = [:]
        for piece in pieces {
            for archive in piece where archive.keeper < 0 && archive.newest > Int32.min {
                days[archive.newest, default: 0] += 1
            }
        }
        return days
    }

    /// What is known of an archive.
    struct Known {
        var number: UInt32
        var keeper: Int?
        var tenants: [String]
        var run: CivilDate?
        /// The day of the newest run that goes and names it.
        var newest: Int32
    }

    /// Gives nothing for an archive that no manifest names.
    func known(_ key: KeyDigest) -> Known? {
        let place = slot(key)
        guard slots[place] != 0 else { return nil }
        let archive = self[slots[place] - 1]
        return Known(
            number: slots[place] - 1, keeper: archive.keeper < 0 ? nil : Int(archive.keeper),
            tenants: tenantLists[Int(archive.tenants)],
            run: archive.day == Int32.min ? nil : CivilDate(dayNumber: Int(archive.day)), newest: archive.newest)
    }
}
