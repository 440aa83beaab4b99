import Codec
package import Ledger
package import Platform
package import Staging

/// The runs whose work is not committed yet, and what they rely on: carry is decided tonight and written at dawn.
package struct OpenRuns: Sendable {
    /// A host whose list is made, and whose manifest is not.
    package struct Unit: Sendable {
        package var run: RunDirectory
        package var record: UnitRecord
    }

    /// A unit in a run, whose newest manifest counts.
    package struct Place: Hashable, Sendable {
        package var run: CivilDate
        package var unit: String

        package init(run: CivilDate, unit: String) {
            self.run = run
            self.unit = unit
        }
    }

    package private(set) var units: [Unit] = []
    /// Runs with such a host, or at which a stage is at work.
    package private(set) var dates: Set<CivilDate> = []
    /// The manifests from which these runs carry, or would if they were collected again.
    package private(set) var bases: Set<Place> = []

    /// Looks through the runs on staging.
    ///
    /// - Parameters:
    ///   - job: the job.
    ///   - vaults: the names of its vaults.
    ///   - isWarehouse: whether its units are databases, whose manifests are made from what pack has planned.
    /// - Throws: the system's fault; a record that can't be read may stand for anything.
    package init(_ job: JobDirectory, vaults: [String], isWarehouse: Bool = false) throws(Fault) {
        let ledger = try job.ledger()
        var committed: [(date: CivilDate, units: [String: Int])] = []
        for date in try ledger.runs() { committed.append((date, try ledger.units(of: date))) }
        for date in try job.runs() {
            try Shutdown.check()
            guard let run = try job.run(date) else { continue }
            for stage in Stage.allCases where try StageAttempt.isRunning(stage, run) { dates.insert(date) }
            if !dates.contains(date), try Self.isDone(run, vaults) { continue }
            for record in try run.unitRecords(.collect)
            where try
                !(isWarehouse
                ? Self.isShipped(record, run, vaults) : Self.isCommitted(record, run, vaults))
            {
                units.append(Unit(run: run, record: record))
                dates.insert(date)
            }
        }
        for date in dates {
            var found: Set<String> = []
            for earlier in committed.reversed() where earlier.date < date {
                for unit in earlier.units.keys where found.insert(unit).inserted {
                    bases.insert(Place(run: earlier.date, unit: unit))
                }
            }
        }
    }

    /// Whether all three stages have done the run, each upon the attempt of the one before, and for all vaults: then none
    /// of its many unit records has to be read.
    private static func isDone(_ run: RunDirectory, _ vaults: [String]) throws(Fault) -> Bool {
        guard let ship = try run.stageRecord(.ship), ship.state == .done, let shipped = ship.vaults,
            vaults.allSatisfy({ shipped[$0] != nil }),
            let pack = try run.stageRecord(.pack), pack.state == .done, ship.upstream == pack.attempt,
            let collect = try run.stageRecord(.collect), collect.state == .done, pack.upstream == collect.attempt
        else { return false }
        return true
    }

    /// Whether a manifest was committed that was made from this very list.
    ///
    /// The records say so, since they come last; the ledger may have it no more.
    private static func isCommitted(_ record: UnitRecord, _ run: RunDirectory, _ vaults: [String]) throws(Fault) -> Bool
    {
        guard let list = record.outputs.first else { return false }
        for vault in vaults {
            let unit = UnitRecord.manifestUnit(ofHost: record.unit)
            guard let shipped = try run.unitRecord(.ship, unit, vault: vault),
                shipped.inputs[list.path] == list.sha256.description,
                // Then the ledger waits for that one.
                !shipped.lacksVault
            else { return false }
        }
        return true
    }

    /// Whether every vault has the database as it was planned from this very list.
    static func isShipped(_ record: UnitRecord, _ run: RunDirectory, _ vaults: [String]) throws(Fault) -> Bool {
        guard let list = record.outputs.first, let packed = try run.unitRecord(.pack, record.unit),
            packed.inputs["entries"] == list.sha256.description,
            let manifest = packed.outputs.first(where: { $0.path.hasSuffix(".manifest.tsv.gz") })
        else { return false }
        for vault in vaults {
            guard let shipped = try run.unitRecord(.ship, record.unit, vault: vault),
                shipped.inputs[manifest.path] == manifest.sha256.description,
                !shipped.lacksVault
            else { return false }
        }
        return true
    }

    /// Calls `each` with every archive that an open run is to carry from.
    ///
    /// - Throws: the fault of a list that can't be read: what it needs is not known then.
    package func forEachCarried(_ each: (_ row: Manifest.Row, _ run: CivilDate) throws(Fault) -> Void) throws(Fault) {
        for unit in units {
            guard let path = unit.record.outputs.first?.path else { continue }
            let (directories, name) = ArchiveName.split(path)
            let directory = try unit.run.directory.descend(directories.map { ByteString($0) })
            let reader = try EntryListReader(try FileSource(try directory.openFile(ByteString(name))))
            while let row = try reader.next() {
                if row.action == .carry, !row.manifest.object.isEmpty { try each(row.manifest, unit.run.date) }
            }
        }
    }

    /// What the open runs have put into a vault already, each with the date of its run.
    package func shipped(to vault: String) throws(Fault) -> [(key: String, run: CivilDate)] {
        var keys: [(key: String, run: CivilDate)] = []
        var dates: Set<CivilDate> = []
        for unit in units where dates.insert(unit.run.date).inserted {
            for record in try unit.run.unitRecords(.ship, vault: vault) {
                keys += record.outputs.map { (key: $0.path, run: unit.run.date) }
            }
        }
        return keys
    }
}
