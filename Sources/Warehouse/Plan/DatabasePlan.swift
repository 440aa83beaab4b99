import Glibc
package import Ledger
package import Platform
package import Settings

/// The plan of one database in one run: what is copied, what is carried, what is left out.
///
/// It is the join of the database's entry list with the newest manifest; ``run(_:)`` gives the totals alone, for a dry run,
/// and ``write(into:)`` the same decisions as files.
package struct DatabasePlan {
    let plan: ObjectPlan
    let settings: WarehouseSettings
    let unit: String
    let database: ByteString
    let run: CivilDate
    let keys: DestinationKeys
    /// The class of copies of content, for the manifest.
    let storageClass: String
    let maxVanished: Double

    /// - Parameters:
    ///   - unit: the name of the database as a unit.
    ///   - list: its entry list.
    ///   - held: the newest manifest that every vault holds; nothing before the first.
    ///   - settings: of the job.
    ///   - run: the run.
    ///   - keys: where copies go.
    ///   - storageClass: the class of copies of content.
    ///   - maxVanished: the part of the database that may vanish at once without an alarm.
    /// - Throws: `damaged` for a table that is none.
    package init(
        unit: String, list: any RangedSource, held: (any RangedSource)?, settings: WarehouseSettings, run: CivilDate,
        keys: DestinationKeys, storageClass: String, maxVanished: Double
    ) throws(Fault) {
        self.unit = unit
        database = PathEscape.unescape(unit) ?? ByteString(unit)
        self.settings = settings
        self.run = run
        self.keys = keys
        self.storageClass = storageClass
        self.maxVanished = maxVanished
        plan = try ObjectPlan(
            list: list, held: held,
            rules: .init(isAlwaysFull: settings.mode == .full, classes: settings.classes))
    }

    /// Decides on every object.
    ///
    /// - Parameter each: gets each decision, with the size of its object.
    /// - Returns: the totals.
    /// - Throws: what `each` throws; `damaged` for a table that is not right.
    package func run(_ each: (ObjectPlan.Decision, Int64) throws(Fault) -> Void = { _, _ in }) throws(Fault)
        -> DatabaseTotals
    {
        var totals = DatabaseTotals()
        var skippedClass: [UInt8] = []
        var skipped = DatabaseTotals.Sum()
        func endClass() {
            guard skipped.objects > 0 else { return }
            let name = String(decoding: skippedClass, as: UTF8.self)
            totals.skipped[name] = (totals.skipped[name] ?? .init()) + skipped
            skipped = .init()
        }
        var table = TableWatch(prefix: settings.prefix.prefix(of: database).bytes)
        try plan.run { (decision) throws(Fault) in
            let size = try plan.size()
            switch decision {
            case .take(let isLog, let wasHeld):
                if isLog { totals.logs.add(size) } else { totals.taken.add(size) }
                if wasHeld { totals.replaced += 1 }
            case .carry: totals.carried.add(size)
            case .vanished: totals.vanished.add(size)
            case .skip(let isLog):
                if isLog { totals.skippedLogs += 1 }
                if !plan.storageClass.elementsEqual(skippedClass) {
                    endClass()
                    skippedClass = Array(plan.storageClass)
                }
                skipped.add(size)
            }
            table.look(at: plan.key, isVanished: decision == .vanished)
            try each(decision, size)
        }
        endClass()
        table.end()
        totals.goneTables = table.gone
        return totals
    }

    /// What needs eyes though the database can be copied.
    package func warnings(_ totals: DatabaseTotals) -> [String] {
        var warnings: [String] = []
        let trips = RetentionBreaker(limit: maxVanished).trips(
            going: [unit: Int(totals.vanished.objects)], of: [unit: Int(totals.held)])
        for trip in trips {
            warnings.append(
                "alarm: \(trip.going) of \(trip.all) objects are gone from the source; nothing is retired for that")
        }
        for (name, count) in totals.goneTables.sorted(by: { $0.key < $1.key }) where trips.isEmpty {
            warnings.append(
                "alarm: all of '\(name)', \(count) objects, is gone from the source; nothing is retired for that")
        }
        if totals.skippedLogs > 0 {
            warnings.append(
                "\(totals.skippedLogs) log objects are left out for their class: the tables can't be restored")
        }
        return warnings
    }

    /// - Throws: `incomplete` where more is left out than the settings allow.
    package func check(_ totals: DatabaseTotals, _ bytes: (Int64) -> String) throws(Fault) {
        guard totals.skippedShare > settings.maxSkipped else { return }
        let all = totals.listed
        throw Fault(
            .limit,
            "more than \(Int((settings.maxSkipped * 100).rounded()))% of \(all.objects) objects (\(bytes(all.bytes))) would be left out for their class: \(totals.skippedText(bytes))",
            hint: "Add what can be copied to 'classes', or raise 'max_skipped'.")
    }
}

/// Finds tables of which nothing is left: the keys of a table follow each other.
private struct TableWatch {
    private let prefix: [UInt8]
    private var name: [UInt8] = []
    private var vanished: Int64 = 0
    private var isLeft = false
    private(set) var gone: [String: Int64] = [:]

    /// More are not named.
    private static let most = 20

    init(prefix: [UInt8]) { self.prefix = prefix }

    mutating func look(at key: UnsafeRawBufferPointer, isVanished: Bool) {
        guard key.count > prefix.count else { return }
        let rest = UnsafeRawBufferPointer(rebasing: key[prefix.count...])
        if !isSameTable(rest) {
            end()
            let slash = rest.firstIndex(of: UInt8(ascii: "/"))
            name = slash.map { Array(rest[...$0]) } ?? []
            (vanished, isLeft) = (0, false)
        }
        if isVanished { vanished += 1 } else { isLeft = true }
    }

    private func isSameTable(_ rest: UnsafeRawBufferPointer) -> Bool {
        guard rest.count > name.count, !name.isEmpty, let base = rest.baseAddress else { return false }
        return name.withUnsafeBytes { name in name.baseAddress.map { memcmp(base, $0, name.count) == 0 } ?? false }
    }

    mutating func end() {
        guard !isLeft, vanished > 0, !name.isEmpty, gone.count < Self.most else { return }
        gone[String(decoding: name.dropLast(), as: UTF8.self)] = vanished
    }
}
