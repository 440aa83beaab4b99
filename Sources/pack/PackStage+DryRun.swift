import Archive
import Console
import Ledger
import Platform
import Settings
import Staging

extension PackStage {
    private struct DryRun: Codable {
        var run: String
        var archive: String
        var tenant: String
        var hosts: [String]
        var entries: Int64
        var bytes: Int64
        /// False when the archive is there already, made from the same lists.
        var isPending: Bool
        /// Why it can't be packed.
        var refusal: String?
    }

    /// Prints the archives that a run would write.
    func dryRun(_ output: Output) throws -> Int32 {
        var results: [DryRun] = []
        let runs = try pendingRuns()
        for run in runs {
            for unit in try units(try collected(run, try run.unitRecords(.collect)), run)
            where context.request.selects(unit.name.base, tenant: unit.archive.tenant) {
                var result = DryRun(
                    run: run.date.description, archive: unit.name.archive, tenant: unit.archive.tenant,
                    hosts: unit.archive.shares.map(\.host), entries: unit.archive.entries,
                    bytes: unit.archive.bytes, isPending: try context.request.force || doneRecord(unit, run) == nil)
                do { _ = try PartTable.partSize(forTar: unit.archive.tarSize) } catch { result.refusal = error.message }
                results.append(result)
            }
        }
        if results.isEmpty { try PendingRuns(context).checkSelection(wasPending: !runs.isEmpty) }
        try output.result(results) {
            if results.isEmpty { return "nothing to pack" }
            var table = TextTable(["RUN", "ARCHIVE", "ENTRIES", "CONTENT", "HOSTS", ""], right: [2, 3])
            for result in results {
                table.add([
                    result.run, result.archive, "\(result.entries)", Figures.bytes(result.bytes),
                    result.hosts.joined(separator: ","),
                    result.refusal.map { "would fail: \($0)" } ?? (result.isPending ? "would be packed" : "is done"),
                ])
            }
            let pending = results.filter { $0.isPending && $0.refusal == nil }
            if pending.isEmpty { return table.text }
            return table.text
                + "\n\(Figures.count(Int64(pending.count), "archive", "archives")) to write, "
                + "\(Figures.bytes(pending.reduce(0) { $0 + $1.bytes })) of content"
        }
        return ExitStatus.done
    }
}
