import Glibc
import Platform

/// What is on its way out of a vault, packed and sorted by the bytes of the keys: half a million archives are some 50 MiB,
/// where as many values with a key of their own would be four times that.
///
/// A row has a number, which it keeps when it is removed.
struct DepartureTable: Sendable {
    private struct Row {
        var since: Timestamp
        var created: Timestamp
        var size: Int64
        /// Where its key ends in the keys of its piece.
        let end: UInt32
        /// The number of what it shares with others.
        var shared: UInt32
        var kind: Departure.Kind
        var state: Departure.State
        /// Nothing of it is left but its number.
        var isRemoved = false
    }

    /// So many rows that little is copied when there are more.
    private struct Piece {
        var keys: [UInt8] = []
        var rows: [Row] = []

        func key(_ index: Int) -> Range<Int> {
            (index == 0 ? 0 : Int(rows[index - 1].end))..<Int(rows[index].end)
        }
    }

    private static let shift = 14
    private static let pieceSize = 1 << shift
    private var pieces: [Piece] = []
    private var end = 0
    /// Numbers of rows, and one more, by the places that their keys ask for; 0 is free.
    private var slots = [UInt32](repeating: 0, count: 1 << 8)
    private var shared: [Departure.Shared] = []
    private var sharedNumbers: [Departure.Shared: UInt32] = [:]
    /// Rows that are there.
    private(set) var count = 0

    /// What stands for what many rows have the same.
    private mutating func number(_ shared: Departure.Shared) -> UInt32 {
        if let known = sharedNumbers[shared] { return known }
        let number = UInt32(self.shared.count)
        self.shared.append(shared)
        sharedNumbers[shared] = number
        return number
    }

    /// Adds a row behind all others.
    ///
    /// - Parameter departure: what it tells.
    /// - Returns: false when its key does not come behind all others; nothing is added then.
    mutating func append(_ departure: Departure) -> Bool {
        let key = Array(departure.key.utf8)
        let isBehind = key.withUnsafeBytes { end == 0 || compare($0, end - 1) > 0 }
        guard isBehind else { return false }
        if end & (Self.pieceSize - 1) == 0 {
            var piece = Piece()
            piece.rows.reserveCapacity(Self.pieceSize)
            pieces.append(piece)
        }
        let index = pieces.count - 1
        let shared = number(departure.shared)
        pieces[index].keys += key
        pieces[index].rows.append(
            Row(
                since: departure.since, created: departure.created, size: departure.size,
                end: UInt32(pieces[index].keys.count), shared: shared, kind: departure.kind, state: departure.state))
        let place = key.withUnsafeBytes { slot($0) }
        end += 1
        slots[place] = UInt32(end)
        count += 1
        if end > slots.count / 10 * 7 { grow() }
        return true
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for number in 0..<end {
            let place = withKey(number) { key -> Int in slot(key) }
            slots[place] = UInt32(number + 1)
        }
    }

    // MARK: Keys

    private func withKey<R>(_ number: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let (piece, index) = (number >> Self.shift, number & (Self.pieceSize - 1))
        let range = pieces[piece].key(index)
        return pieces[piece].keys.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// Less than 0 when a key comes before that of a row, and 0 when it is that.
    private func compare(_ key: UnsafeRawBufferPointer, _ number: Int) -> Int {
        withKey(number) { other -> Int in
            guard let one = key.baseAddress, let base = other.baseAddress else { return key.count - other.count }
            let order = memcmp(one, base, min(key.count, other.count))
            return order == 0 ? key.count - other.count : Int(order)
        }
    }

    /// The place of a key: of its row, or a free one.
    private func slot(_ key: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: key)
        var place = hasher.finalize() & (slots.count - 1)
        while slots[place] != 0, compare(key, Int(slots[place]) - 1) != 0 { place = (place + 1) & (slots.count - 1) }
        return place
    }

    /// The number of the row with a key, also of one that was removed.
    func number(_ key: UnsafeRawBufferPointer) -> Int? {
        let found = slots[slot(key)]
        return found == 0 ? nil : Int(found) - 1
    }

    // MARK: Rows

    /// What a row tells; nothing where it was removed.
    func departure(_ number: Int) -> Departure? {
        let (piece, index) = (number >> Self.shift, number & (Self.pieceSize - 1))
        let row = pieces[piece].rows[index]
        if row.isRemoved { return nil }
        return Departure(
            key: withKey(number) { key -> String in String(decoding: key, as: UTF8.self) }, kind: row.kind,
            state: row.state,
            since: row.since, size: row.size, created: row.created, shared[Int(row.shared)])
    }

    /// Puts something in the place of what a row tells, or removes it.
    ///
    /// - Parameters:
    ///   - number: of the row.
    ///   - departure: of the same key.
    mutating func set(_ number: Int, _ departure: Departure?) {
        let (piece, index) = (number >> Self.shift, number & (Self.pieceSize - 1))
        var row = pieces[piece].rows[index]
        count += (departure == nil ? 0 : 1) - (row.isRemoved ? 0 : 1)
        row.isRemoved = departure == nil
        if let departure {
            (row.since, row.created, row.size) = (departure.since, departure.created, departure.size)
            (row.kind, row.state, row.shared) = (departure.kind, departure.state, self.number(departure.shared))
        }
        pieces[piece].rows[index] = row
    }

    /// The number of the next row that is there.
    func next(from number: Int) -> Int? {
        (number..<max(number, end)).first {
            !pieces[$0 >> Self.shift].rows[$0 & (Self.pieceSize - 1)].isRemoved
        }
    }
}
