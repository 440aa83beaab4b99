package import Platform

/// Decides, entry by entry, what a run takes: the merge of an inventory with what every vault of the job already holds.
///
/// Both sides come in key order, so the plan needs the memory of one row of each, whatever their number. It is lazy and
/// pure: the same two sides give the same decisions.
package struct IncrementalPlan {
    /// What bears on the decision besides the two sides.
    package struct Rules: Sendable {
        /// True for a path that carries a date: a tenant's day stays whole, nothing is carried.
        package var isAlwaysFull: Bool
        /// Entries whose bytes lie in a run before this date are taken anew (`full_every`).
        package var carryNotBefore: CivilDate?
        /// True when one side keeps whole seconds only.
        package var wholeSeconds: Bool
        /// Archives that a vault has lost (``LostObjects``): nothing is carried from them.
        package var lost: Set<String>

        package init(
            isAlwaysFull: Bool, carryNotBefore: CivilDate? = nil, wholeSeconds: Bool = false, lost: Set<String> = []
        ) {
            self.isAlwaysFull = isAlwaysFull
            self.carryNotBefore = carryNotBefore
            self.wholeSeconds = wholeSeconds
            self.lost = lost
        }
    }

    package enum Decision: Sendable, Equatable {
        /// Collect the content.
        case take(TakeReason)
        /// The bytes are held already; the row tells where.
        case carry(Manifest.Row)
        /// Held earlier, not in the inventory any more.
        case vanished
    }

    package enum TakeReason: String, Sendable, CaseIterable {
        case full, new, changed, racy, expired, lost
    }

    package typealias Inventory = () throws(Fault) -> Entry?
    package typealias Held = () throws(Fault) -> Manifest.Row?

    private let inventory: Inventory
    private let held: Held
    private let rules: Rules
    private var nextHeld: Manifest.Row?
    private var nextEntry: Entry?
    private var hasStarted = false

    /// Joins the two sides; nothing is asked of them before the first ``next()``.
    ///
    /// - Parameters:
    ///   - inventory: gives the entries of the source in key order, then nothing.
    ///   - held: gives the rows of the newest verified manifest in key order, then nothing.
    ///   - rules: what bears on the decisions besides.
    package init(inventory: @escaping Inventory, held: @escaping Held, rules: Rules) {
        self.inventory = inventory
        self.held = held
        self.rules = rules
    }

    /// The next decision, in key order, or nothing at the end.
    package mutating func next() throws(Fault) -> (entry: Entry, decision: Decision)? {
        if !hasStarted {
            nextHeld = try held()
            nextEntry = try inventory()
            hasStarted = true
        }
        guard let entry = nextEntry else {
            guard let row = nextHeld else { return nil }
            nextHeld = try held()
            return (row.entry, .vanished)
        }
        if let row = nextHeld, row.entry.key < entry.key {
            nextHeld = try held()
            return (row.entry, .vanished)
        }
        nextEntry = try inventory()
        guard let row = nextHeld, row.entry.key == entry.key else {
            return (entry, .take(rules.isAlwaysFull ? .full : .new))
        }
        nextHeld = try held()
        return (entry, decide(entry, row))
    }

    private func decide(_ entry: Entry, _ row: Manifest.Row) -> Decision {
        if rules.isAlwaysFull { return .take(.full) }
        // A skipped entry has no bytes to carry.
        if row.flags.contains(.skipped) || row.object.isEmpty { return .take(.new) }
        if row.flags.contains(.racy) || row.flags.contains(.dirty) || row.flags.contains(.grew) { return .take(.racy) }
        var entry = entry
        if entry.kind == .hardLink && row.entry.kind == .file {
            // A further name that had to be kept as a file of its own, since its first name was carried then: its bytes
            // stay there.
            (entry.kind, entry.link) = (.file, ByteString())
        }
        guard entry.hasSameContent(as: row.entry, wholeSeconds: rules.wholeSeconds) else { return .take(.changed) }
        if let limit = rules.carryNotBefore, let run = CivilDate(row.run), run < limit { return .take(.expired) }
        if rules.lost.contains(row.object) { return .take(.lost) }
        var carried = row
        carried.entry = entry
        return .carry(carried)
    }
}
