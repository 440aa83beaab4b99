import Archive
import ArgumentParser
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Vault

/// `ship restore JOB --run DATE [GLOB...] --to DIR | --stdout`.
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restore a run, a tenant, or some paths.",
        discussion: """
            Reads the manifests of the run in the vault and fetches only the gzip members that hold what is wanted, \
            from the archives of this run and of the earlier ones that it carries entries from. Every file is checked \
            against its digest. What can't be restored is named, and all else comes back. Running it again goes on \
            where it stopped: what is there with the same content is kept.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: VaultOptions
    @Argument(help: "Only these paths or globs, as ship list prints them; a directory brings all below it.")
    var paths: [String] = []
    @Option(name: .customLong("run"), help: ArgumentHelp("The run to restore.", valueName: "date")) var date: String
    @Option(
        name: .long, help: ArgumentHelp("Where to put it; made where it is missing.", valueName: "dir"),
        completion: .directory)
    var to: String?
    @Flag(name: .long, help: "Write the content of the one file that matches to stdout.") var stdout = false
    @Flag(name: .long, help: "Replace files that are there already.") var force = false
    @Flag(name: .shortAndLong, help: "Print what would be fetched, and fetch nothing.") var dryRun = false
    @Flag(
        name: .long,
        help: "Tell for each Delta table of a warehouse which version the run holds as a whole, and restore nothing.")
    var checkDelta = false

    func validate() throws {
        guard CivilDate(date) != nil else {
            throw ValidationError("--run '\(date)': expected a date such as 2026-11-20")
        }
        guard dryRun || checkDelta || (to != nil) != stdout else {
            throw ValidationError("give either --to DIR or --stdout")
        }
    }

    private struct PlanLine: Codable {
        var object: String
        var entries: Int64
        var fetched: Int64
    }

    func run() throws {
        try Door.run {
            let (settings, vault) = try options.open(common)
            if let warehouse = settings.warehouse { return try restore(warehouse, settings, vault) }
            if checkDelta { throw Fault(.usage, "--check-delta is for jobs of kind 'warehouse'") }
            let layout = VaultLayout(job: settings.name)
            guard let run = CivilDate(date), let found = try layout.manifests(in: vault.store, run: run).first else {
                throw Fault(
                    .notFound, "\(vault.store.description): has no manifest of job '\(settings.name)' for run \(date)",
                    hint: "'ship list \(settings.name) --runs' shows the runs; is the vault mounted?")
            }
            let place = "run \(run) of job '\(settings.name)'"
            let selection = options.selection(paths)
            let report = RestoreReport(common)
            let scratch: Directory
            if let to, !dryRun { scratch = try target(to) } else { scratch = try Directory.open("/tmp") }
            var plan = try RestorePlan(scratch: scratch)
            for (host, number) in found.units.sorted(by: { $0.key < $1.key }) where selection.selects(host: host) {
                let key = try layout.manifest(run: run, unit: host, number: number)
                do throws(Fault) {
                    try plan.add(
                        host, { () throws(Fault) -> ManifestReader in try ManifestReader(try vault.store.open(key)) },
                        selects: selection.selects)
                } catch {
                    guard error.code != .interrupted, error.code != .noSpace else { throw error }
                    // One damaged manifest must not keep the other hosts from coming back.
                    report.lost("host \(host)", error)
                }
            }
            try plan.finish()
            // What was not found may stand in a manifest that could not be read.
            if report.isClean { try selection.checkAllMatched(in: place, run: date) }
            for (name, fault) in plan.lost { report.failed(name, fault) }
            if dryRun {
                try show(plan)
                return report.isClean ? ExitStatus.done : plan.entries > 0 ? ExitStatus.partial : ExitStatus.failed
            }
            for what in plan.notKept { common.logger().warning("not kept when the run was collected: \(what)") }
            if let to { return try restore(plan, vault, to, report) }
            try write(plan, vault)
            return report.isClean ? ExitStatus.done : ExitStatus.partial
        }
    }

    private func restore(_ warehouse: WarehouseSettings, _ settings: JobSettings, _ vault: OpenVault) throws -> Int32 {
        guard let run = CivilDate(date), let chosen = settings.vaults.first(where: { $0.name == vault.name }) else {
            throw Fault(.usage, "--run '\(date)': expected a date such as 2026-11-20")
        }
        let restore = DatabaseRestore(
            warehouse: warehouse, vault: try BucketVault(chosen, vault), layout: VaultLayout(job: settings.name),
            run: run, selection: options.selection(paths), common: common)
        if checkDelta { return try restore.checkDelta() }
        if dryRun { return try restore.dryRun() }
        guard let to else {
            throw Fault(.usage, "--stdout is for jobs of kind 'hosts'", hint: "Give --to s3://BUCKET/PREFIX.")
        }
        return try restore.restore(to: to, isReplacing: force)
    }

    /// Opens where to restore to; a directory that has to be made is one as mkdir(1) makes it.
    private func target(_ path: String) throws(Fault) -> Directory { try Directory.create(path, mode: 0o777) }

    private func show(_ plan: RestorePlan) throws {
        let lines = plan.objects.map { PlanLine(object: $0.key, entries: $0.entries, fetched: $0.bytes) }
        try common.output.result(lines) {
            var table = TextTable(["OBJECT", "ENTRIES", "FETCH"], right: [1, 2])
            for line in lines { table.add([line.object, "\(line.entries)", Figures.bytes(line.fetched)]) }
            return table.text
                + "\n\(Figures.count(plan.entries, "entry", "entries")), \(Figures.bytes(plan.contentBytes)) of content, \(Figures.bytes(lines.reduce(0) { $0 + $1.fetched })) to fetch from \(Figures.count(Int64(lines.count), "object", "objects"))"
        }
    }

    private func write(_ plan: RestorePlan, _ vault: OpenVault) throws {
        var files: [(object: String, wanted: ArchiveExtractor.Wanted)] = []
        for object in plan.objects where files.count < 2 {
            try plan.forEachBatch(of: object) { (batch: [ArchiveExtractor.Wanted]) throws(Fault) in
                files += batch.filter { $0.entry.kind == .file }.prefix(2).map { (object.key, $0) }
            }
        }
        guard files.count == 1, let (key, wanted) = files.first else {
            throw Fault(
                .usage, "--stdout takes one file, \(files.isEmpty ? "none matches" : "more than one matches")",
                hint: "Name one path as 'ship list' prints it.")
        }
        let source = try vault.store.open(try ObjectKey(key))
        try ArchiveExtractor(source, codec: MemberCodec(ofName: key) ?? .gzip).content(of: wanted) {
            (bytes: UnsafeRawBufferPointer) throws(Fault) in
            try Output.write(bytes)
        }
    }

    private func restore(_ plan: RestorePlan, _ vault: OpenVault, _ to: String, _ report: RestoreReport) throws -> Int32
    {
        let target = RestoreTarget(try target(to), overwrites: force)
        for object in plan.objects {
            let source: any RangedSource
            do { source = try vault.store.open(try ObjectKey(object.key)) } catch {
                try Shutdown.check()
                source = UnreadableObject(object.key, error)
            }
            let extractor = ArchiveExtractor(source, codec: MemberCodec(ofName: object.key) ?? .gzip)
            try plan.forEachBatch(of: object) { (batch: [ArchiveExtractor.Wanted]) throws(Fault) in
                try extractor.extract(batch, to: target) { report.failed($0, $1) }
            }
        }
        try target.finish()
        return try report.finish(to: to, restored: target.restored, kept: target.kept, bytes: target.bytes)
    }
}
