import AWS
import Codec
import Ledger
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// The objects of one database in a vault, as they are decided about: those that two inventories don't list, those of which
/// other content is held by now, and those that are on their way out.
final class DatabaseScan {
    let prune: DatabasePrune
    let work: DatabasePrune.Work
    let unit: String
    /// What the keys of the database begin with.
    let prefix: ByteString
    let objects: CandidateObjects
    private let newest: ListedKeys?
    private let before: ListedKeys?
    /// Why nothing of it can begin to go.
    private var undecided: String?
    private let tables: TableCounts

    init(_ prune: DatabasePrune, _ work: DatabasePrune.Work, database: ByteString, _ pair: InventoryPair?) throws(Fault)
    {
        self.prune = prune
        self.work = work
        unit = PathEscape.escape(database)
        prefix = prune.warehouse.prefix.prefix(of: database)
        objects = try CandidateObjects(scratch: prune.scratch)
        let tables = TableCounts(prefix: prefix.count)
        self.tables = tables
        guard let pair, prune.warehouse.selects(database) else {
            (newest, before) = (nil, nil)
            undecided = pair == nil ? "no two complete inventories" : "the settings leave it out"
            if pair != nil { work.undecided[unit] = undecided }
            return
        }
        var lists: (ListedKeys?, ListedKeys?) = (nil, nil)
        do throws(Fault) {
            lists.0 = try ListedKeys(try pair.newest.list(unit), onKey: tables.add)
            lists.1 = try ListedKeys(try pair.before.list(unit))
        } catch {
            guard [.damaged, .notFound].contains(error.code) else { throw error }
            lists = (nil, nil)
            undecided = error.description
            work.undecided[unit] = error.description
        }
        (newest, before) = lists
    }

    // MARK: Gathering

    func add(_ object: StoredObjects.Object) throws(Fault) {
        var marks: CandidateObjects.Marks = []
        if !work.departures.isEmpty {
            let name = Departure.name(ofObject: object.object)
            if work.departures[name] != nil {
                work.seen.insert(KeyDigest(name))
                marks = .departing
            }
        }
        if let newest, let before {
            // Both are asked, so that both go on.
            let (one, other) = (try newest.contains(object.key), try before.contains(object.key))
            if one || other { marks.insert(.listed) }
        } else if marks.isEmpty {
            return keep(object.size)
        }
        try objects.append(object, marks)
    }

    func keep(_ size: Int64) {
        work.plan.kept += 1
        work.plan.keptBytes += size
    }

    // MARK: Deciding

    /// An object of which something is decided.
    private struct Candidate {
        var item: VaultPrunePlan.Item
        /// What its key at the source may be.
        var keys: [ByteString]
        /// Other content of its key is held, so the source need not be asked.
        var isReplaced: Bool
    }

    /// Decides about what was gathered.
    func end() throws(Fault) {
        try newest?.finish()
        try before?.finish()
        try objects.finish()
        guard objects.count > 0 else { return }
        try mark()
        var (starting, others): ([Candidate], [Candidate]) = ([], [])
        var going: [String: Int] = [:]
        var chunk: [(object: StoredObjects.Object, marks: CandidateObjects.Marks)] = []
        func decide() throws(Fault) {
            for candidate in try self.decide(chunk) {
                let item = candidate.item
                switch item.decision {
                case .keep: keep(item.bytes)
                case .wait: work.plan.waiting = (work.plan.waiting ?? 0) + 1
                case .quarantine:
                    going["", default: 0] += 1
                    if let table = table(of: candidate) { going[table, default: 0] += 1 }
                    let room = DatabasePrune.mostDeparting - work.departures.count
                    guard work.starting + starting.count < min(DatabasePrune.mostAtOnce, room) else {
                        wait(1, "objects that it names begin to go with the next prune")
                        continue
                    }
                    starting.append(candidate)
                default: others.append(candidate)
                }
            }
            chunk.removeAll(keepingCapacity: true)
        }
        try objects.forEach { (object, marks) throws(Fault) in
            chunk.append((object, marks))
            if chunk.count >= 1_000 { try decide() }
        }
        try decide()
        let stopped = blocked(going)
        func mayGo(_ candidate: Candidate) -> Bool {
            !stopped.contains("") && !(table(of: candidate).map { stopped.contains($0) } ?? false)
        }
        var chosen = starting.filter(mayGo)
        work.plan.waiting = (work.plan.waiting ?? 0) + starting.count - chosen.count
        for candidate in others {
            if candidate.item.decision != .retire {
                work.plan.items.append(candidate.item)
            } else if mayGo(candidate) {
                chosen.append(candidate)
            } else {
                work.plan.waiting = (work.plan.waiting ?? 0) + 1
            }
        }
        try ask(chosen)
    }

    /// Asks the source for what would go because it has it no more.
    private func ask(_ going: [Candidate]) throws(Fault) {
        let asked = going.filter { !$0.isReplaced }
        let unsure = work.plan.unsure ?? 0
        let answers = try SourceCheck(prune.source).check(asked.map { ($0.item, $0.keys) }, &work.plan)
        if work.plan.unsure ?? 0 > unsure { wait(0, "the source does not say of objects that it names") }
        for item in going.filter(\.isReplaced).map(\.item) + answers {
            if item.decision == .keep { keep(item.bytes) } else { work.plan.items.append(item) }
            if item.decision == .quarantine { work.starting += 1 }
        }
    }

    /// Objects wait, and with them the manifests that nothing keeps: nobody else knows of these objects.
    private func wait(_ count: Int, _ why: String) {
        work.plan.waiting = (work.plan.waiting ?? 0) + count
        work.blocked[unit] = work.blocked[unit] ?? why
    }

    private func table(of candidate: Candidate) -> String? { candidate.keys.first.flatMap { tables.table($0) } }

    /// The tables, with an empty name for the whole database, of which so much would go that nothing of them does.
    private func blocked(_ going: [String: Int]) -> Set<String> {
        // Of what was there: what the source has now, and what would go. Of a table that was dropped it is all.
        let all = tables.counts.merging(going) { $0 + $1 }
        var blocked: Set<String> = []
        for trip in RetentionBreaker(limit: prune.prune.request.maxVanished).trips(going: going, of: all) {
            let name = trip.group.isEmpty ? unit : "\(unit)/\(trip.group)"
            let approvals = prune.prune.request.approved
            if approvals.contains(name) || approvals.contains(unit) {
                if !work.plan.approved.contains(name) { work.plan.approved.append(name) }
                continue
            }
            blocked.insert(trip.group)
            work.blocked[unit] = "waits for approval"
            work.plan.trips.append(.init(tenant: name, going: trip.going, all: trip.all))
        }
        return blocked
    }

    private func decide(_ chunk: [(object: StoredObjects.Object, marks: CandidateObjects.Marks)]) throws(Fault)
        -> [Candidate]
    {
        var candidates: [PruneCandidate] = []
        for (object, marks) in chunk {
            let name = Departure.name(ofObject: object.object)
            let departure = work.departures[name]
            var row = RetentionPlan.Object(
                key: name, size: object.size, storageClass: object.storageClass, created: object.created,
                tenants: [unit])
            var why: [String] = []
            if marks.contains(.kept) { why.append("a manifest that is kept") }
            if marks.contains(.planned) { why.append("an open run") }
            if marks.contains(.listed), !marks.isReplaced { why.append("an inventory lists it") }
            if let departure {
                row.state = departure.planState(work.now)
                if departure.state == .releasing { why.append("was being taken back") }
            } else if let undecided {
                why.append(undecided)
            } else if !marks.contains(.known) {
                work.plan.unknown += 1
                why.append("no manifest names it")
            }
            candidates.append(PruneCandidate(object: row, kind: .object, run: Self.run(of: object), why: why))
        }
        var items = try prune.prune.decide(candidates, work.now, hasLocks: work.hasLocks).map(\.item)
        // Nobody can look again now whether it is gone.
        if let undecided {
            for index in items.indices where items[index].decision == .retire {
                (items[index].decision, items[index].why) = (.wait, [undecided])
            }
        }
        return zip(items, chunk).map { item, one in
            var item = item
            if item.decision == .quarantine, one.marks.isReplaced {
                item.why = ["other content of its key is held"]
            }
            let literal = StoredObjects.literalKey(of: one.object.object.bytes, job: prune.prune.layout.job)
            let keys = [one.object.key] + (literal.map { $0 == one.object.key ? [] : [$0] } ?? [])
            return Candidate(item: item, keys: keys, isReplaced: one.marks.isReplaced)
        }
    }

    /// The run that copied it, where its key tells.
    private static func run(of object: StoredObjects.Object) -> String {
        let parts = object.object.components
        return parts.count > 2 && (parts[1] == "run" || parts[1] == "long") ? parts[2].description : ""
    }
}
