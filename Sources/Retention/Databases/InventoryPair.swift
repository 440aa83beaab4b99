import Codec
import Ledger
package import Platform
package import Settings
package import Staging
import Warehouse

/// The newest two inventories that were read to their ends, as the entry lists of two runs in a row tell them.
///
/// What is in neither of them may be gone from the source. A run that failed, or is partial, tells nothing: then there is
/// no pair.
package struct InventoryPair: Sendable {
    /// An inventory as one run has split it by database.
    package struct Side: Sendable {
        package let run: RunDirectory
        /// The records of collect, by database.
        let records: [String: UnitRecord]

        /// The entry list of a database, proved to be the one that was written; nothing where the inventory has nothing
        /// of it.
        ///
        /// - Throws: `damaged` for another one; `notFound` for one that was removed.
        func list(_ unit: String) throws(Fault) -> FileSource? {
            guard let record = records[unit] else { return nil }
            guard let output = record.outputs.first else { throw Fault(.damaged, "\(unit): its record names no list") }
            let directory = try run.collectDirectory()
            let list = try FileSource(try directory.openFile(ByteString(DatabaseLists.fileName(unit: unit))))
            guard list.size == output.size, try SHA256Hasher.digest(of: list) == output.sha256 else {
                throw Fault(.damaged, "\(list.name): the entry list is not the one that its record names")
            }
            return list
        }
    }

    package let newest: Side
    package let before: Side

    /// The oldest run that has to keep its lists.
    package var oldest: CivilDate { before.run.date }

    /// What was found.
    package enum Search: Sendable {
        case pair(InventoryPair)
        /// Nothing can be told to be gone, for this reason.
        case nothing(String)
    }

    /// Looks for the pair.
    ///
    /// - Parameters:
    ///   - job: the job on staging.
    ///   - warehouse: its settings: lists that were made by others are of another source, or of other databases.
    /// - Returns: the pair, or why there is none.
    /// - Throws: the system's fault; a record that can't be read may stand for anything.
    package static func find(_ job: JobDirectory, _ warehouse: WarehouseSettings) throws(Fault) -> Search {
        var newest: (side: Side, inventories: [String: String])?
        for date in try job.runs().reversed() {
            try Shutdown.check()
            guard let run = try job.run(date), let stage = try run.stageRecord(.collect) else { continue }
            // What comes just now is not there yet.
            if newest == nil, try StageAttempt.isRunning(.collect, run) { continue }
            guard stage.state == .done else {
                return .nothing(
                    "collect of run \(date) is \(stage.state.rawValue), and two complete ones in a row are needed")
            }
            var records: [String: UnitRecord] = [:]
            for record in try run.unitRecords(.collect) { records[record.unit] = record }
            guard records.count == stage.units, let first = records.values.first else {
                return .nothing("run \(date) has \(records.count) of \(stage.units) lists")
            }
            let inventories = inventories(first)
            guard !inventories.isEmpty, records.values.allSatisfy({ self.inventories($0) == inventories }) else {
                return .nothing("the lists of run \(date) are not of one inventory")
            }
            guard isMade(first, by: warehouse) else {
                return .nothing("run \(date) was collected by other settings of source, prefix or inventory")
            }
            guard let newer = newest else {
                newest = (Side(run: run, records: records), inventories)
                continue
            }
            // An inventory that comes once a week is that of seven runs; of several, each must be another one.
            if !Set(newer.inventories.keys).isDisjoint(with: inventories.keys) { continue }
            return .pair(InventoryPair(newest: newer.side, before: Side(run: run, records: records)))
        }
        return .nothing(newest == nil ? "no run on staging has an inventory" : "there is only one inventory so far")
    }

    private static func inventories(_ record: UnitRecord) -> [String: String] {
        record.inputs.filter { $0.key.hasPrefix("inventory ") }
    }

    private static func isMade(_ record: UnitRecord, by warehouse: WarehouseSettings) -> Bool {
        record.inputs["source"] == warehouse.source.bucket && record.inputs["prefix"] == warehouse.prefix.description
            && record.inputs["inventory"] == warehouse.inventories.map(\.description).joined(separator: " ")
    }
}
