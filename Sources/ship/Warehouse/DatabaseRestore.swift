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
/// What lies in an archive class is asked for first, once its price is told, and comes with a later call: every call goes on
/// where the last has stopped, and what is there already stays.
struct DatabaseRestore {
    let warehouse: WarehouseSettings
    let vault: BucketVault
    let layout: VaultLayout
    let run: CivilDate
    let selection: EntrySelection
    let common: CommonOptions
    let thawing: Thawing
    let options: ThawOptions
    /// Where things go; nothing where that is not told.
    let target: RestorePass.Target?

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
        let scratch = try Directory.open(RestoreCommand.scratch)
        for (unit, key) in try manifests() {
            let check = DeltaCheck(bucket: warehouse.source.bucket, scratch: scratch) { () throws(Fault) in
                try ManifestReader(try vault.store.open(key))
            } read: { (object, range) throws(Fault) in
                let (client, place) = try vault.places.place(object)
                var bytes: [UInt8] = []
                try client.get(place, range) { bytes.append(contentsOf: $0) }
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
        struct Database: Codable {
            var database: String
            var objects: Int64 = 0
            var bytes: Int64 = 0
            /// By storage class.
            var classes: [String: Int64] = [:]
        }
        var databases: [Database] = []
        var thaw: RestoreOutline.Thaw?
    }

    /// Prints what would be restored, and what has to be thawed before.
    func dryRun() throws -> Int32 {
        var outline = Outline()
        for (unit, key) in try manifests() {
            var database = Outline.Database(database: unit)
            let reader = try ManifestReader(try vault.store.open(key))
            while let row = try reader.next() {
                guard isWanted(row), !row.object.isEmpty else { continue }
                database.objects += 1
                database.bytes += row.entry.size
                database.classes[row.storageClass, default: 0] += 1
            }
            if database.objects > 0 { outline.databases.append(database) }
        }
        try checkAllMatched()
        outline.thaw = try thaw(try go(.look))
        let result = outline
        try common.output.result(result) {
            var table = TextTable(["DATABASE", "OBJECTS", "SIZE", "CLASSES"], right: [1, 2])
            for database in result.databases {
                let classes = database.classes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                table.add([
                    database.database, "\(database.objects)", Figures.bytes(database.bytes),
                    classes.joined(separator: ", "),
                ])
            }
            return table.text + (result.thaw.map { "\n" + $0.text } ?? "")
        }
        return ExitStatus.done
    }

    private func checkAllMatched() throws(Fault) {
        try selection.checkAllMatched(in: "run \(run) of job '\(layout.job)'")
    }

    /// Goes through all that is wanted.
    private func go(_ work: RestorePass.Work, isQuiet: Bool = false) throws(Fault) -> RestoreTotals {
        var sum = RestoreTotals()
        let pass = RestorePass(
            work, vault, to: target, thawing.request, isConfirmed: thawing.isConfirmed, isQuiet: isQuiet)
        for (unit, key) in try manifests() {
            var own = RestoreTotals()
            // Content before logs, so that nobody reads a table of which a part is missing.
            for isLog in [false, true] {
                own += try pass.run(threads: Self.threads, log: common.logger()) { () throws(Fault) in
                    try ManifestReader(try vault.store.open(key))
                } selecting: { row in
                    DestinationKeys.isLog(row.entry.key) == isLog && isWanted(row)
                }
                // Logs refer to content, and wait for it.
                if work == .copy, own.waiting > 0 || own.failed > 0 { break }
            }
            common.logger().debug("\(unit): \(own.restored) restored, \(own.kept) there already")
            sum += own
        }
        return sum
    }

    /// What has to be thawed by a look; nothing where all can be read.
    private func thaw(_ look: RestoreTotals) throws(Fault) -> RestoreOutline.Thaw? {
        guard look.waiting > 0 else { return nil }
        let request = thawing.request
        for name in look.archived.keys { try request.check("an object", name) }
        let archived = look.archived.values.reduce(ThawRequest.Sum()) {
            ThawRequest.Sum(objects: $0.objects + $1.objects, bytes: $0.bytes + $1.bytes)
        }
        let longest = Set(look.archived.keys).union([vault.settings.storageClass])
            .compactMap { request.tier.longest(from: $0) }.max()
        let now = thawing.clock.now()
        return RestoreOutline.Thaw(
            objects: Int(archived.objects), bytes: archived.bytes, underWay: Int(look.waiting - archived.objects),
            tier: request.tier.rawValue, days: request.days,
            dollars: look.archived.isEmpty
                ? nil : thawing.prices.flatMap { request.dollars(look.archived, $0.table, in: $0.region) },
            pricesOf: thawing.prices?.table.date.description,
            readable: Timestamp(seconds: now.seconds + (longest ?? 0)).rfc3339)
    }

    /// Thaws what has to be, within the vault's limits, and copies back what can be read.
    ///
    /// - Returns: the exit status; `tryLater` while something thaws.
    /// - Throws: what keeps anything from being restored.
    func restore() throws -> Int32 {
        let look = try go(.look, isQuiet: !options.status)
        try checkAllMatched()
        let needed = try thaw(look)
        if options.status {
            let status = try tell(needed)
            return look.failed > 0 ? ExitStatus.partial : status
        }
        if let needed, needed.objects > 0 { try thawing.confirm(needed) }
        if options.request {
            let asked = try go(.ask)
            let status = try tell(try thaw(try go(.look, isQuiet: true)))
            return asked.failed > 0 ? ExitStatus.partial : status
        }
        while true {
            let result = try go(.copy)
            guard options.wait, result.waiting > 0, result.failed == 0, let poll = Period(options.poll) else {
                return try tell(result)
            }
            common.logger().info("\(Figures.count(result.waiting, "object waits", "objects wait")) for a thaw")
            Clock.pause(Double(poll.seconds))
            try Shutdown.check()
        }
    }

    private func tell(_ needed: RestoreOutline.Thaw?) throws -> Int32 {
        try common.output.result(needed) { needed?.text ?? "all can be read" }
        return needed == nil ? ExitStatus.done : ExitStatus.tryLater
    }

    private func tell(_ result: RestoreTotals) throws -> Int32 {
        try common.output.result(result) {
            var parts = ["\(result.restored) restored to \(target?.name ?? "")", Figures.wereThere(result.kept)]
            if result.waiting > 0 { parts.append("\(result.waiting) thaw, \(result.requested) of them asked for now") }
            if result.failed > 0 { parts.append("\(result.failed) could not be restored") }
            if result.notKept > 0 { parts.append("\(result.notKept) were not kept by the run") }
            return parts.joined(separator: ", ") + ", \(Figures.bytes(result.bytes))"
        }
        if result.failed > 0 { return result.restored + result.kept > 0 ? ExitStatus.partial : ExitStatus.failed }
        return result.waiting > 0 ? ExitStatus.tryLater : ExitStatus.done
    }
}
