import AWS
import Console
import Ledger
import Logging
import Platform
import Settings
import Vault
import Warehouse

/// Brings objects of a run back into a bucket: the one they came from, or another.
///
/// What lies in an archive class is asked for first, and comes with a later call: every call goes on where the last has
/// stopped, and what is there already stays.
struct DatabaseRestore {
    let warehouse: WarehouseSettings
    let vault: BucketVault
    let layout: VaultLayout
    let run: CivilDate
    let selection: EntrySelection
    let common: CommonOptions
    /// How objects are thawed.
    let thaw: ThawRequest

    /// Copies at once.
    private static let threads = 32

    /// The manifests of the run by database, with their keys in the vault.
    private func manifests() throws(Fault) -> [(unit: String, key: ObjectKey)] {
        let job = layout.job
        guard let found = try layout.manifests(in: vault.store, run: run).first else {
            throw Fault(
                .notFound, "\(vault.store.description): has no manifest of job '\(job)' for run \(run)",
                hint: "'ship list \(job) --runs' shows the runs.")
        }
        var list: [(String, ObjectKey)] = []
        for (unit, number) in found.units.sorted(by: { $0.key < $1.key }) where selection.selects(host: unit) {
            list.append((unit, try layout.manifest(run: run, unit: unit, number: number)))
        }
        return list
    }

    private func isWanted(_ row: Manifest.Row) -> Bool { selection.selects(row) }

    // MARK: Delta tables

    private struct DeltaLine: Codable {
        var database: String
        var finding: DeltaCheck.Finding
    }

    /// Tells for each Delta table which version can be restored.
    func checkDelta() throws -> Int32 {
        var lines: [DeltaLine] = []
        for (unit, key) in try manifests() {
            let check = DeltaCheck(bucket: warehouse.source.bucket) { () throws(Fault) in
                try ManifestReader(try vault.store.open(key))
            } read: { row throws(Fault) in
                let (client, place) = try vault.places.place(ByteString(row.object))
                var bytes: [UInt8] = []
                if row.entry.size > 0 { try client.get(place, 0..<row.entry.size) { bytes.append(contentsOf: $0) } }
                return bytes
            }
            for finding in try check.run(selecting: { selection.selects(path: ByteString($0.bytes.dropLast())) }) {
                lines.append(DeltaLine(database: unit, finding: finding))
            }
        }
        try common.output.result(lines) {
            if lines.isEmpty { return "no Delta table is in run \(run)" }
            var table = TextTable(["DATABASE", "TABLE", "NEWEST", "RESTORABLE", ""], right: [2, 3])
            for line in lines {
                let found = line.finding
                let restorable = found.restorable.map { "\($0)" } ?? "none"
                table.add([
                    line.database, found.table, "\(found.newest)", restorable + (found.isProven ? "" : "?"),
                    found.why.map { why in
                        why + (found.lacking.isEmpty ? "" : ": \(found.lacking.joined(separator: ", "))")
                    } ?? "",
                ])
            }
            return table.text
        }
        let isWhole = lines.allSatisfy { $0.finding.restorable == $0.finding.newest && $0.finding.isProven }
        return isWhole ? ExitStatus.done : ExitStatus.partial
    }

    // MARK: Copies

    /// What there is to do.
    private struct Outline: Codable {
        var database: String
        var objects: Int64 = 0
        var bytes: Int64 = 0
        /// By storage class.
        var classes: [String: Int64] = [:]
    }

    /// Prints what would be restored.
    func dryRun() throws -> Int32 {
        var outlines: [Outline] = []
        for (unit, key) in try manifests() {
            var outline = Outline(database: unit)
            let reader = try ManifestReader(try vault.store.open(key))
            while let row = try reader.next() {
                guard isWanted(row), !row.object.isEmpty else { continue }
                outline.objects += 1
                outline.bytes += row.entry.size
                outline.classes[row.storageClass, default: 0] += 1
            }
            if outline.objects > 0 { outlines.append(outline) }
        }
        try selection.checkAllMatched(in: "run \(run) of job '\(layout.job)'")
        try common.output.result(outlines) {
            var table = TextTable(["DATABASE", "OBJECTS", "SIZE", "CLASSES"], right: [1, 2])
            for outline in outlines {
                let classes = outline.classes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                table.add([
                    outline.database, "\(outline.objects)", Figures.bytes(outline.bytes),
                    classes.joined(separator: ", "),
                ])
            }
            return table.text
        }
        return ExitStatus.done
    }

    /// Copies back.
    ///
    /// - Parameters:
    ///   - place: `source`, or `s3://BUCKET/PREFIX`.
    ///   - isReplacing: true to replace what is there with other content.
    /// - Returns: the exit status; `tryLater` while something thaws.
    /// - Throws: what keeps anything from being restored.
    func restore(to place: String, isReplacing: Bool) throws -> Int32 {
        let target = try RestorePlace(place, source: warehouse.source.bucket)
        let client =
            target.bucket == warehouse.source.bucket
            ? vault.source(warehouse.source) : vault.places.client(ofBucket: target.bucket)
        var sum = RestoreTotals()
        for (unit, key) in try manifests() {
            // Content before logs, so that nobody reads a table of which a part is missing.
            for isLog in [false, true] {
                let copy = RestorePass(
                    vault.places, to: client, prefix: target.prefix, isReplacing: isReplacing, tier: thaw.tier.word,
                    days: thaw.days)
                sum += try copy.run(threads: Self.threads, log: common.logger()) { () throws(Fault) in
                    try ManifestReader(try vault.store.open(key))
                } selecting: { row in
                    DestinationKeys.isLog(row.entry.key) == isLog && isWanted(row)
                }
                // Logs refer to content, and wait for it.
                if sum.waiting > 0 || sum.failed > 0 { break }
            }
            common.logger().debug("\(unit): \(sum.restored) restored so far")
        }
        try selection.checkAllMatched(in: "run \(run) of job '\(layout.job)'")
        let result = sum
        try common.output.result(result) {
            var parts = ["\(result.restored) restored to \(place)", Figures.wereThere(result.kept)]
            if result.waiting > 0 { parts.append("\(result.waiting) thaw, \(result.requested) of them asked for now") }
            if result.failed > 0 { parts.append("\(result.failed) could not be restored") }
            if result.notKept > 0 { parts.append("\(result.notKept) were not kept by the run") }
            return parts.joined(separator: ", ") + ", \(Figures.bytes(result.bytes))"
        }
        if result.failed > 0 { return result.restored + result.kept > 0 ? ExitStatus.partial : ExitStatus.failed }
        return result.waiting > 0 ? ExitStatus.tryLater : ExitStatus.done
    }
}
