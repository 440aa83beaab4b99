import Console
import Ledger
import Platform
import Staging
import Warehouse

/// What would be planned, without a file of it.
extension WarehousePack {
    private struct Report: Codable {
        var run: String
        var database: String
        /// False when the plan is written already.
        var isPending: Bool
        var route: String
        var objects: Int64
        var bytes: Int64
        var taken: DatabaseTotals.Sum
        var logs: DatabaseTotals.Sum
        var carried: DatabaseTotals.Sum
        var skipped: [String: DatabaseTotals.Sum]
        var vanished: DatabaseTotals.Sum
        var warnings: [String]
        /// Why it can't be packed.
        var refusal: String?
    }

    /// Plans the databases of pending runs, and prints what each would have copied.
    func dryRun(_ output: Output) throws -> Int32 {
        var reports: [Report] = []
        let runs = try PendingRuns(context).after(.collect, for: .pack)
        for run in runs {
            for record in try run.unitRecords(.collect) where selects(record) {
                let done = try context.request.force ? nil : doneRecord(record, run)
                let held = try held(record.unit, run)
                let plan = try plan(record, run, held: held?.source)
                let totals = try plan.run()
                var refusal: String?
                do { try plan.check(totals, Figures.bytes) } catch { refusal = error.message }
                let route = plan.route(totals, inventoryFiles: Int(record.counts["inventory.files"] ?? 0))
                reports.append(
                    Report(
                        run: run.date.description, database: record.unit, isPending: done == nil, route: route.rawValue,
                        objects: totals.listed.objects, bytes: totals.listed.bytes, taken: totals.taken,
                        logs: totals.logs, carried: totals.carried, skipped: totals.skipped, vanished: totals.vanished,
                        warnings: plan.warnings(totals), refusal: refusal))
            }
        }
        if reports.isEmpty { try PendingRuns(context).checkSelection(wasPending: !runs.isEmpty) }
        try output.result(reports) { Self.table(reports) }
        return ExitStatus.done
    }

    private static func table(_ reports: [Report]) -> String {
        if reports.isEmpty { return "nothing to pack" }
        var table = TextTable(
            [
                "RUN", "DATABASE", "OBJECTS", "BYTES", "COPY", "LOGS", "BYTES", "HELD", "VANISHED", "ROUTE", "LEFT OUT",
                "",
            ],
            right: [2, 3, 4, 5, 6, 7, 8])
        for report in reports {
            let skipped = report.skipped.sorted { $0.key < $1.key }.map {
                "\($0.key) \($0.value.objects) (\(Figures.bytes($0.value.bytes)))"
            }
            table.add([
                report.run, report.database, "\(report.objects)", Figures.bytes(report.bytes),
                "\(report.taken.objects)",
                "\(report.logs.objects)", Figures.bytes(report.taken.bytes + report.logs.bytes),
                "\(report.carried.objects)", "\(report.vanished.objects)", report.route,
                skipped.isEmpty ? "-" : skipped.joined(separator: ", "),
                report.refusal.map { "would fail: \($0)" } ?? (report.isPending ? "would be packed" : "is done"),
            ])
        }
        let warnings = reports.flatMap { report in report.warnings.map { "\(report.database): \($0)" } }
        return ([table.text] + warnings).joined(separator: "\n")
    }
}
