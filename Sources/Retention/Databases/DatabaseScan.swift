import AWS
import Codec
import Ledger
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// The objects of one database in a vault, as they are decided about: those that two inventories don't list, and those that
/// are on their way out.
final class DatabaseScan {
    private let prune: DatabasePrune
    private let work: DatabasePrune.Work
    private let unit: String
    /// What the keys of the database begin with.
    let prefix: ByteString
    private let gone: GoneObjects
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
        gone = try GoneObjects(scratch: prune.scratch)
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
        let name = Departure.name(ofObject: object.object)
        let isDeparting = work.departures[name] != nil
        if isDeparting { work.seen.insert(name) }
        var isListed = true
        if let newest, let before {
            // Both are asked, so that both go on.
            let (one, other) = (try newest.contains(object.key), try before.contains(object.key))
            isListed = one || other
        } else if isDeparting {
            isListed = false
        }
        guard !isListed || isDeparting else { return keep(object.size) }
        try gone.append(object, isListed ? .listed : [])
    }

    private func keep(_ size: Int64) {
        work.plan.kept += 1
        work.plan.keptBytes += size
    }

    // MARK: Deciding

    /// Decides about what was gathered.
    func end() throws(Fault) {
        try newest?.finish()
        try before?.finish()
        try gone.finish()
        guard gone.count > 0 else { return }
        try mark()
        var (starting, others): ([VaultPrunePlan.Item], [VaultPrunePlan.Item]) = ([], [])
        var going: [String: Int] = [:]
        var chunk: [(object: StoredObjects.Object, marks: GoneObjects.Marks)] = []
        func decide() throws(Fault) {
            for (item, object) in zip(try self.decide(chunk), chunk.map(\.object)) {
                switch item.decision {
                case .keep: keep(item.bytes)
                case .wait: work.plan.waiting = (work.plan.waiting ?? 0) + 1
                case .quarantine:
                    going["", default: 0] += 1
                    if let table = tables.table(object.key) { going[table, default: 0] += 1 }
                    let room = DatabasePrune.mostDeparting - work.departures.entries.count
                    guard work.starting + starting.count < min(DatabasePrune.mostAtOnce, room) else {
                        work.plan.waiting = (work.plan.waiting ?? 0) + 1
                        continue
                    }
                    starting.append(item)
                default: others.append(item)
                }
            }
            chunk.removeAll(keepingCapacity: true)
        }
        try gone.forEach { (object, marks) throws(Fault) in
            chunk.append((object, marks))
            if chunk.count >= 1_000 { try decide() }
        }
        try decide()
        let stopped = blocked(going)
        func mayGo(_ item: VaultPrunePlan.Item) throws(Fault) -> Bool {
            guard !stopped.contains(""), let table = try table(of: item) else { return !stopped.contains("") }
            return !stopped.contains(table)
        }
        var asked: [VaultPrunePlan.Item] = []
        for item in starting where try mayGo(item) { asked.append(item) }
        work.plan.waiting = (work.plan.waiting ?? 0) + starting.count - asked.count
        for item in others {
            if item.decision != .retire {
                work.plan.items.append(item)
            } else if try mayGo(item) {
                asked.append(item)
            } else {
                work.plan.waiting = (work.plan.waiting ?? 0) + 1
            }
        }
        for item in try SourceCheck(prune.source, job: prune.prune.layout.job).check(asked, &work.plan) {
            if item.decision == .keep { keep(item.bytes) } else { work.plan.items.append(item) }
            if item.decision == .quarantine { work.starting += 1 }
        }
    }

    private func table(of item: VaultPrunePlan.Item) throws(Fault) -> String? {
        let object = try Departure.object(named: item.object)
        return StoredObjects.key(of: object.bytes, job: prune.prune.layout.job).flatMap { tables.table($0) }
    }

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
            work.blocked.insert(unit)
            work.plan.trips.append(.init(tenant: name, going: trip.going, all: trip.all))
        }
        return blocked
    }

    private func decide(_ chunk: [(object: StoredObjects.Object, marks: GoneObjects.Marks)]) throws(Fault)
        -> [VaultPrunePlan.Item]
    {
        var rows: [(object: RetentionPlan.Object, kind: Departure.Kind, run: String, why: [String])] = []
        for (object, marks) in chunk {
            let name = Departure.name(ofObject: object.object)
            let departure = work.departures[name]
            var row = RetentionPlan.Object(
                key: name, size: object.size, storageClass: object.storageClass, created: object.created,
                tenants: [unit])
            var why: [String] = []
            if marks.contains(.kept) { why.append("a manifest that is kept") }
            if marks.contains(.planned) { why.append("an open run") }
            if marks.contains(.listed) { why.append("an inventory lists it") }
            if let departure {
                row.state = departure.planState(work.now)
                if departure.state == .releasing { why.append("was being taken back") }
            } else if let undecided {
                why.append(undecided)
            } else if !marks.contains(.known) {
                work.plan.unknown += 1
                why.append("no manifest names it")
            }
            rows.append((row, .object, Self.run(of: object), why))
        }
        var items = try prune.prune.decide(rows, work.departures, work.now, hasLocks: work.hasLocks)
        // Nobody can look again now whether it is gone.
        if let undecided {
            for index in items.indices where items[index].decision == .retire {
                (items[index].decision, items[index].why) = (.wait, [undecided])
            }
        }
        return items
    }

    /// The run that copied it, where its key tells.
    private static func run(of object: StoredObjects.Object) -> String {
        let parts = object.object.components
        return parts.count > 2 && parts[1] == "run" ? parts[2].description : ""
    }

    // MARK: Manifests

    /// Whether a manifest stays for its age alone: as long as it does, so does what it names.
    private func isYoung(_ manifest: ManifestCensus.Manifest) -> Bool {
        guard let head = manifest.head, work.departures[manifest.key.description] == nil else { return false }
        return work.now < head.modified.adding(days: prune.prune.request.policy.minAge)
    }

    /// Reads manifests, newest first, until every object is known to be needed.
    private func mark() throws(Fault) {
        for open in prune.prune.open.units where open.record.unit == unit {
            guard let packed = try open.run.unitRecord(.pack, unit),
                let manifest = packed.outputs.first(where: { $0.path.hasSuffix(".manifest.tsv.gz") })
            else { continue }
            let (directories, name) = ArchiveName.split(manifest.path)
            do throws(Fault) {
                let directory = try open.run.directory.descend(directories.map { ByteString($0) })
                try gone.mark(try FileSource(try directory.openFile(ByteString(name))), .planned)
            } catch { if error.code != .notFound { throw error } }
        }
        let all = zip(work.census.manifests, work.reasons).filter { $0.0.unit == unit }
            .map { ($0.0, isNeeded: !$0.1.isEmpty || isYoung($0.0)) }
        for (manifest, isNeeded) in all where isNeeded {
            if gone.areAllNeeded { return }
            try work.census.forEachCopy(of: manifest, prune.prune) { source throws(Fault) in
                try gone.mark(source, [.kept, .known])
            }
        }
        for (manifest, isNeeded) in all where !isNeeded {
            if gone.areAllNeeded { return }
            try work.census.forEachCopy(of: manifest, prune.prune) { source throws(Fault) in
                try gone.mark(source, .known)
            }
        }
    }
}
