import Ledger
import Platform
import Settings

/// One step of a collection, as the plan decides it.
enum CollectionItem: Sendable {
    /// All is known; nothing is read. With the warning that belongs to it.
    case row(EntryList.Row, warning: String?)
    /// The content is to be collected; with the row of an attempt before that may have staged it already.
    case file(TreeEntry, EntryList.Row, staged: EntryList.Row?)
    /// A further name of the file whose content this run collects under the key `first`.
    case link(TreeEntry, EntryList.Row, first: ByteString)
}

/// Decides entry by entry what a collection does, in the order of the keys and without opening any content.
///
/// It belongs to one thread.
final class CollectionPlanner {
    /// Where the content of a file with several names goes, and how many names are still to come.
    private struct Group {
        let first: ByteString
        var missing: UInt32
    }

    private let feed: EntryFeed
    private var plan: IncrementalPlan
    private let place: (ByteString) throws(Fault) -> Placement
    private let run: String
    private let treeName: String
    private let isDated: Bool
    private let settledBefore: Timestamp?
    /// The rows of the attempts before, and the one that was read ahead.
    private let earlier: () -> EntryList.Row?
    private var nextEarlier: EntryList.Row?
    /// By the key that the tree gave as the first name.
    private var groups: [ByteString: Group] = [:]
    /// Entries held earlier that the tree has no more.
    private(set) var vanished: Int64 = 0

    init(
        _ tree: any SourceTree, held: IncrementalPlan.Held?, rules: IncrementalPlan.Rules,
        place: @escaping (ByteString) throws(Fault) -> Placement, run: String, settledBefore: Timestamp? = nil,
        earlier: @escaping () -> EntryList.Row? = { nil }
    ) throws(Fault) {
        let feed = EntryFeed(try tree.inventory(), tree.name)
        var rules = rules
        if tree.capabilities.contains(.wholeSeconds) { rules.wholeSeconds = true }
        self.feed = feed
        self.place = place
        self.run = run
        treeName = tree.name
        isDated = rules.isAlwaysFull
        self.settledBefore = settledBefore
        self.earlier = earlier
        nextEarlier = earlier()
        plan = IncrementalPlan(
            inventory: { () throws(Fault) -> Entry? in try feed.next() },
            held: { () throws(Fault) -> Manifest.Row? in
                guard let held else { return nil }
                return try held()
            }, rules: rules)
    }

    /// The next step, or nothing at the end.
    ///
    /// - Throws: what the tree and the held side throw, `settings` for an entry that must not be there.
    func next() throws(Fault) -> CollectionItem? {
        while let (entry, decision) = try plan.next() {
            try Shutdown.check()
            switch decision {
            case .vanished: vanished += 1
            case .carry(let held):
                let found = feed.take()
                if let skipped = skipUnknown(found) { return skipped }
                return .row(EntryList.Row(.carry, held), warning: nil)
            case .take(let reason): return try take(feed.take(), entry, reason)
            }
        }
        return nil
    }

    private func take(_ found: TreeEntry, _ entry: Entry, _ reason: IncrementalPlan.TakeReason) throws(Fault)
        -> CollectionItem
    {
        if let skipped = skipUnknown(found) { return skipped }
        if let reason = entry.kind.skipReason { return .row(.skipped(entry, reason), warning: nil) }
        var row = EntryList.Row(.take, reason: reason.rawValue, Manifest.Row(entry: entry))
        row.manifest.run = run
        switch try place(entry.key) {
        case .skip(let reason): return .row(.skipped(entry, reason), warning: nil)
        case .refuse(let reason): throw refusal(of: entry, reason)
        case .archive(let tenant, _, _): row.manifest.tenant = tenant
        }
        if let skipped = try skipUnsettled(entry) { return skipped }
        switch entry.kind {
        case .file:
            if found.links > 1 { groups[entry.key] = Group(first: entry.key, missing: found.links - 1) }
            return .file(found, row, staged: staged(entry))
        case .hardLink:
            if var group = groups[entry.link] {
                group.missing -= 1
                groups[entry.link] = group.missing == 0 ? nil : group
                return .link(found, row, first: group.first)
            }
            // The content of the first name is not collected in this run, so it is under this one.
            if found.links > 2 { groups[entry.link] = Group(first: entry.key, missing: found.links - 2) }
            return .file(found.asFile, row.asFile, staged: nil)
        default: return .row(row, warning: nil)
        }
    }

    /// The row of an attempt before, if it is of the same content.
    private func staged(_ entry: Entry) -> EntryList.Row? {
        while let row = nextEarlier, row.entry.key < entry.key { nextEarlier = earlier() }
        guard let row = nextEarlier, row.entry.key == entry.key, row.entry.kind == .file, row.action == .take,
            row.manifest.sha256 != nil, row.manifest.flags.isDisjoint(with: [.grew, .dirty]),
            row.entry.size == entry.size, row.entry.modified == entry.modified
        else { return nil }
        return row
    }

    /// A file that was modified just now may not be finished.
    ///
    /// - Throws: `tryLater` in a tree of one day, which is collected once and whole; any other has another run tomorrow.
    private func skipUnsettled(_ entry: Entry) throws(Fault) -> CollectionItem? {
        guard let settledBefore, entry.kind == .file || entry.kind == .hardLink, entry.modified > settledBefore else {
            return nil
        }
        guard isDated else { return .row(.skipped(entry, "unsettled"), warning: nil) }
        throw Fault(
            .tryLater, "\(treeName)/\(entry.key): was modified at \(entry.modified.local), later than 'settle' allows",
            hint: "The tree is still being written; run the same command again later, or with --wait.")
    }

    private func refusal(of entry: Entry, _ reason: String) -> Fault {
        let advice: String
        switch reason {
        case Placer.unsafeMember: advice = "Change the job's `member`, or the name on the host."
        case Placer.longName: advice = "Change the job's `archive`, so that its names are shorter."
        default: advice = "Let the job's `layout` match it, or set `unmatched` to \"skip\" or to \"tenant:NAME\"."
        }
        return Fault(.settings, "\(treeName)/\(entry.key): has no place in an archive (\(reason))", hint: advice)
    }

    private func skipUnknown(_ found: TreeEntry) -> CollectionItem? {
        guard let fault = found.fault else { return nil }
        let reason = fault.skipReason ?? "read-error"
        return .row(.skipped(found.entry, reason), warning: reason == "vanished" ? nil : "\(fault)")
    }
}

extension EntryList.Row {
    /// The row of an entry whose bytes are not kept.
    static func skipped(_ entry: Entry, _ reason: String, tenant: String = "") -> EntryList.Row {
        var row = EntryList.Row(.skip, reason: reason, Manifest.Row(entry: entry, tenant: tenant))
        row.manifest.flags = .skipped
        row.manifest.reason = reason
        return row
    }

    /// The same row for a name that becomes a file of its own.
    var asFile: EntryList.Row {
        var row = self
        (row.manifest.entry.kind, row.manifest.entry.link) = (.file, ByteString())
        return row
    }
}

extension TreeEntry {
    /// The same entry as a file of its own.
    var asFile: TreeEntry {
        var copy = self
        (copy.entry.kind, copy.entry.link) = (.file, ByteString())
        return copy
    }
}

/// Gives the plan the bare entries, and keeps those that it has read ahead.
private final class EntryFeed {
    private let inventory: TreeInventory
    private let treeName: String
    private var taken: [TreeEntry] = []
    private var last: ByteString?

    init(_ inventory: @escaping TreeInventory, _ treeName: String) {
        self.inventory = inventory
        self.treeName = treeName
    }

    func next() throws(Fault) -> Entry? {
        guard let found = try inventory() else { return nil }
        if let fault = found.fault, fault.skipReason == nil { throw fault }
        try found.check(in: treeName)
        if let last, !(last < found.entry.key) {
            throw Fault(.damaged, "\(treeName): gives '\(found.entry.key)' behind '\(last)': not in order, or twice")
        }
        last = found.entry.key
        taken.append(found)
        return found.entry
    }

    /// The oldest entry that was given and not taken; the plan decides each once, in order.
    func take() -> TreeEntry { taken.removeFirst() }
}
