package import Codec
import Glibc
package import Platform

/// Decides, object by object, what a run copies: the join of an entry list with the newest manifest that every vault holds.
///
/// It is the ``IncrementalPlan`` of objects, which come by the ten million: both tables are in the order of their keys, so
/// one row of each is in memory, and rows are compared and handed on as they stand in the tables, without a copy. It is
/// pure: the same two tables give the same decisions.
package final class ObjectPlan {
    /// What bears on the decision besides the two sides.
    package struct Rules: Sendable {
        /// True where nothing is carried.
        package var isAlwaysFull: Bool
        /// The storage classes that can be copied.
        package var classes: Set<String>

        package init(isAlwaysFull: Bool, classes: Set<String>) {
            self.isAlwaysFull = isAlwaysFull
            self.classes = classes
        }
    }

    package enum Decision: Sendable, Equatable {
        /// Its content is copied; `wasHeld` tells whether other content of the key is held already.
        case take(isLog: Bool, wasHeld: Bool)
        /// The vaults hold it; the row of the manifest tells where.
        case carry
        /// Not copied, for its class.
        case skip(isLog: Bool)
        /// Held, and not in the list any more.
        case vanished
    }

    private let list: TableScanner
    private let held: TableScanner?
    private let rules: Rules
    private let classes: [[UInt8]]
    private var hasEntry = false
    private var hasHeld = false

    private static let listColumns = ["key", "size", "modified", "identity", "class"]
    private enum ListColumn { static let (key, size, modified, identity, storageClass) = (0, 1, 2, 3, 4) }
    private enum HeldColumn { static let (key, size, identity, run, object) = (0, 2, 9, 12, 13) }

    /// Opens both tables.
    ///
    /// - Parameters:
    ///   - list: the entry list.
    ///   - held: the manifest; nothing where no run is held yet.
    ///   - rules: what bears on the decisions besides.
    /// - Throws: `damaged` for a table without the columns.
    package init(list: any RangedSource, held: (any RangedSource)?, rules: Rules) throws(Fault) {
        self.rules = rules
        classes = rules.classes.map { Array($0.utf8) }
        self.list = try TableScanner(
            gzip: list, columns: Self.listColumns, required: Set(Self.listColumns), order: ListColumn.key)
        if let held {
            self.held = try TableScanner(
                gzip: held, columns: Manifest.columns, required: ["key", "size", "identity", "run", "object"],
                order: HeldColumn.key)
        } else {
            self.held = nil
        }
    }

    // MARK: The object of a decision

    /// Fields of the object as they stand in a table: the list's for one that is taken or skipped, else the manifest's.
    package var key: UnsafeRawBufferPointer { isOfList ? list.field(ListColumn.key) : heldField(HeldColumn.key) }
    package var identity: UnsafeRawBufferPointer { list.field(ListColumn.identity) }
    package var modified: UnsafeRawBufferPointer { list.field(ListColumn.modified) }
    package var storageClass: UnsafeRawBufferPointer { list.field(ListColumn.storageClass) }
    private var isOfList = true

    /// The key without escapes.
    package func plainKey() throws(Fault) -> ByteString {
        if isOfList { return try list.unescaped(ListColumn.key) { ByteString($0) } }
        return try held?.unescaped(HeldColumn.key) { ByteString($0) } ?? ByteString()
    }

    /// Bytes of the object.
    package func size() throws(Fault) -> Int64 {
        if isOfList { return try list.number(ListColumn.size) }
        return try held?.number(HeldColumn.size) ?? 0
    }

    /// Appends the manifest's row of what is carried, as it stands there.
    package func appendHeldRow(to row: inout RowWriter) {
        guard let held else { return }
        if held.hasExactColumns { return row.field(raw: held.row) }
        for column in Manifest.columns.indices { row.field(raw: held.field(column)) }
    }

    private func heldField(_ column: Int) -> UnsafeRawBufferPointer {
        held?.field(column) ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    // MARK: Deciding

    /// Decides on every object, in key order.
    ///
    /// - Parameter each: gets the decisions; fields of the object are those of this plan until it returns.
    /// - Throws: what `each` throws; `damaged` for a table that is, or is not in order.
    package func run(_ each: (Decision) throws(Fault) -> Void) throws(Fault) {
        try nextEntry()
        try nextHeld()
        var count = 0
        while hasEntry || hasHeld {
            count += 1
            if count & 0xFFFF == 0 { try Shutdown.check() }
            let order = try order()
            if order > 0 {
                isOfList = false
                // What was skipped then was never held.
                if !heldField(HeldColumn.object).isEmpty { try each(.vanished) }
                isOfList = true
                try nextHeld()
                continue
            }
            let decision = decide(isKnown: order == 0)
            isOfList = decision != .carry
            try each(decision)
            isOfList = true
            try nextEntry()
            if order == 0 { try nextHeld() }
        }
    }

    private func decide(isKnown: Bool) -> Decision {
        let wasHeld = isKnown && !heldField(HeldColumn.object).isEmpty
        let key = list.field(ListColumn.key)
        let isLog = Self.isLog(key)
        if wasHeld, !isLog, !rules.isAlwaysFull,
            Self.isSameContent(list.field(ListColumn.identity), heldField(HeldColumn.identity))
        {
            return .carry
        }
        let storageClass = list.field(ListColumn.storageClass)
        for known in classes where Self.isEqual(storageClass, known) { return .take(isLog: isLog, wasHeld: wasHeld) }
        return .skip(isLog: isLog)
    }

    private static let logName = Array("_delta_log/".utf8)

    /// Whether a key is one of a Delta table's log: the name stands at its beginning or behind a slash.
    ///
    /// It has nothing that a table escapes.
    private static func isLog(_ key: UnsafeRawBufferPointer) -> Bool {
        guard let base = key.baseAddress else { return false }
        return logName.withUnsafeBytes { name in
            guard let wanted = name.baseAddress else { return false }
            var at = 0
            while at + name.count <= key.count,
                let found = memchr(base + at, Int32(name[0]), key.count - name.count + 1 - at)
            {
                let place = UnsafeRawPointer(found) - base
                if place == 0 || key[place - 1] == UInt8(ascii: "/"), memcmp(base + place, wanted, name.count) == 0 {
                    return true
                }
                at = place + 1
            }
            return false
        }
    }

    /// Whether two identities have the same ETag: `etag:ETAG`, and `:VERSION` where an inventory lists versions, which it
    /// may not always have done.
    private static func isSameContent(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        if areEqual(left, right) { return true }
        return areEqual(withoutVersion(left), withoutVersion(right))
    }

    private static let etagMark = 5

    private static func withoutVersion(_ identity: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let end = identity.dropFirst(etagMark).firstIndex(of: UInt8(ascii: ":")) ?? identity.count
        return UnsafeRawBufferPointer(rebasing: identity[..<min(end, identity.count)])
    }

    private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count, let one = left.baseAddress, let other = right.baseAddress else { return false }
        return memcmp(one, other, left.count) == 0
    }

    private static func isEqual(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Bool {
        right.withUnsafeBytes { areEqual(left, $0) }
    }

    // MARK: The two sides

    /// How the two keys stand to each other: the list's is less, they are the same, or it is greater.
    private func order() throws(Fault) -> Int {
        guard hasEntry else { return 1 }
        guard hasHeld, let held else { return -1 }
        let (left, right) = (list.field(ListColumn.key), held.field(HeldColumn.key))
        if Self.areEqual(left, right) { return 0 }
        if !list.hasEscapes, !held.hasEscapes { return Self.order(left, right) }
        let plain = try list.unescaped(ListColumn.key) { ByteString($0) }
        return try held.unescaped(HeldColumn.key) { right in
            plain.bytes.withUnsafeBytes { Self.order($0, right) }
        }
    }

    private static func order(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        guard let one = left.baseAddress, let other = right.baseAddress else { return left.count - right.count }
        let order = memcmp(one, other, min(left.count, right.count))
        return order == 0 ? left.count - right.count : Int(order)
    }

    private func nextEntry() throws(Fault) { hasEntry = try list.next() }

    private func nextHeld() throws(Fault) { hasHeld = try held?.next() ?? false }
}
