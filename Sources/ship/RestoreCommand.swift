import Archive
import ArgumentParser
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
            against its digest. Running it again goes on where it stopped: what is there with the same content is kept.
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

    func validate() throws {
        guard CivilDate(date) != nil else {
            throw ValidationError("--run '\(date)': expected a date such as 2026-11-20")
        }
        guard dryRun || (to != nil) != stdout else { throw ValidationError("give either --to DIR or --stdout") }
    }

    private struct PlanLine: Codable {
        var object: String
        var entries: Int64
        var fetched: Int64
    }

    func run() throws {
        try Door.run {
            let (settings, vault) = try options.open(common)
            let layout = VaultLayout(job: settings.name)
            guard let run = CivilDate(date), let found = try layout.manifests(in: vault.store, run: run).first else {
                throw Fault(
                    .notFound, "\(vault.store.description): has no manifest of job '\(settings.name)' for run \(date)",
                    hint: "'ship list \(settings.name) --runs' shows the runs; is the vault mounted?")
            }
            let selection = PathSelection(paths)
            let scratch: Directory
            if let to, !dryRun { scratch = try Directory.create(to) } else { scratch = try Directory.open("/tmp") }
            var plan = try RestorePlan(scratch: scratch)
            for (host, number) in found.units.sorted(by: { $0.key < $1.key }) where options.selects(host: host) {
                let key = try layout.manifest(run: run, unit: host, number: number)
                try plan.add(
                    { () throws(Fault) -> ManifestReader in try ManifestReader(try vault.store.open(key)) },
                    selects: {
                        options.selects($0) && selection.matches($0.name.isEmpty ? $0.entry.key : $0.name)
                    })
            }
            try plan.finish()
            try selection.checkAllMatched(in: "run \(run) of job '\(settings.name)'")
            if dryRun { return try show(plan) }
            for what in plan.notKept { common.logger().warning("not kept when the run was collected: \(what)") }
            return stdout ? try write(plan, vault) : try restore(plan, vault)
        }
    }

    private func show(_ plan: RestorePlan) throws -> Int32 {
        let lines = plan.objects.map { PlanLine(object: $0.key, entries: $0.entries, fetched: $0.bytes) }
        try common.output.result(lines) {
            var table = TextTable(["OBJECT", "ENTRIES", "FETCH"], right: [1, 2])
            for line in lines { table.add([line.object, "\(line.entries)", Figures.bytes(line.fetched)]) }
            return table.text
                + "\n\(Figures.count(plan.entries, "entry", "entries")), \(Figures.bytes(plan.contentBytes)) of content, \(Figures.bytes(lines.reduce(0) { $0 + $1.fetched })) to fetch from \(Figures.count(Int64(lines.count), "object", "objects"))"
        }
        return ExitStatus.done
    }

    private func write(_ plan: RestorePlan, _ vault: OpenVault) throws -> Int32 {
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
        try ArchiveExtractor(source).content(of: wanted) { (bytes: UnsafeRawBufferPointer) throws(Fault) in
            try Output.write(bytes)
        }
        return ExitStatus.done
    }

    private func restore(_ plan: RestorePlan, _ vault: OpenVault) throws -> Int32 {
        guard let to else { return ExitStatus.usage }
        let target = RestoreTarget(try Directory.create(to), overwrites: force)
        var failures: [String] = []
        for object in plan.objects {
            do {
                let source = try vault.store.open(try ObjectKey(object.key))
                let extractor = ArchiveExtractor(source)
                try plan.forEachBatch(of: object) { (batch: [ArchiveExtractor.Wanted]) throws(Fault) in
                    try extractor.extract(batch, to: target)
                }
            } catch {
                // One damaged archive must not keep the others from coming back.
                try Shutdown.check()
                let fault = Fault.wrapping(error)
                guard fault.code != .noSpace else { throw fault }
                failures.append("\(object.key): \(fault)")
                common.logger().error("\(object.key): \(fault)\(fault.hint.map { " HINT: \($0)" } ?? "")")
            }
        }
        try target.finish()
        try common.output.result(["restored": target.restored, "kept": target.kept, "bytes": target.bytes]) {
            "\(target.restored) restored to \(to), \(Figures.wereThere(target.kept)), \(Figures.bytes(target.bytes))"
        }
        if failures.isEmpty { return ExitStatus.done }
        return failures.count == plan.objects.count ? ExitStatus.failed : ExitStatus.partial
    }
}
