import ArgumentParser
import Codec
import Console
import Ledger
import Platform
import Settings
import Vault

/// `ship list JOB [GLOB...]`: what the vault holds, from the manifests alone.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what the vault holds.",
        discussion: """
            Reads the manifests in the vault; each is the complete picture of a host in a run, so an unchanged file \
            stands in every run. Without --run, --from or --to only the newest run is listed. Times are those of the \
            job's time zone.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: VaultOptions
    @Argument(help: "Only these paths or globs; a directory brings all below it.") var paths: [String] = []
    @Option(name: .customLong("run"), help: ArgumentHelp("Only the run of this data date.", valueName: "date"))
    var date: String?
    @Option(name: .long, help: ArgumentHelp("From this data date on.", valueName: "date")) var from: String?
    @Option(name: .long, help: ArgumentHelp("Up to this data date.", valueName: "date")) var to: String?
    @Flag(name: .long, help: "The runs alone.") var runs = false

    func validate() throws {
        for (name, text) in [("--run", date), ("--from", from), ("--to", to)] {
            if let text, CivilDate(text) == nil {
                throw ValidationError("\(name) '\(text)': expected a date such as 2026-11-20")
            }
        }
        if runs && (!paths.isEmpty || options.tenant != nil) {
            throw ValidationError("--runs shows runs and hosts alone: it excludes paths and --tenant")
        }
        if date != nil && (from != nil || to != nil) { throw ValidationError("--run excludes --from and --to") }
    }

    private struct Line: Codable {
        var run: String
        var host: String
        var tenant: String
        var name: String
        var type: String
        var size: Int64
        var modified: String
        var link: String?
        var sha256: String?
        var object: String
        var offset: Int64?
        var length: Int64?
        var storedInRun: String
        var skipped: String?
    }

    func run() throws {
        try Door.run {
            let (settings, vault) = try options.open(common)
            let layout = VaultLayout(job: settings.name)
            var all = try layout.manifests(in: vault.store, run: date.flatMap { CivilDate($0) })
            if let from = from.flatMap({ CivilDate($0) }) { all.removeAll { $0.run < from } }
            if let to = to.flatMap({ CivilDate($0) }) { all.removeAll { to < $0.run } }
            if all.isEmpty {
                throw Fault(
                    .notFound, "\(vault.store.description): has no manifest of job '\(settings.name)' in that range",
                    hint: "Is the vault mounted? 'ship status \(settings.name)' tells which runs were shipped.")
            }
            let selection = options.selection(paths)
            if runs {
                for (run, units) in all {
                    let hosts = units.keys.filter(selection.selects(host:)).sorted()
                    if !hosts.isEmpty { try printRun(run, hosts: hosts) }
                }
                try selection.checkAllMatched(in: "job '\(settings.name)'")
                return ExitStatus.done
            }
            if date == nil && from == nil && to == nil { all = Array(all.suffix(1)) }
            let span = all.count == 1 ? "run \(all[0].run)" : "runs \(all[0].run) to \(all[all.count - 1].run)"
            var manifests: [(run: CivilDate, host: String, key: ObjectKey)] = []
            for (run, units) in all {
                for (host, number) in units.sorted(by: { $0.key < $1.key }) where selection.selects(host: host) {
                    let key = try layout.manifest(run: run, unit: host, number: number)
                    manifests.append((run, host, key))
                }
            }
            try FetchedManifests.forEach(manifests.map(\.key), in: vault.store, scratch: RestoreCommand.scratch) {
                index, source throws(Fault) in
                try list(manifests[index].run, manifests[index].host, selection) { () throws(Fault) in
                    try ManifestReader(source)
                }
            }
            try selection.checkAllMatched(in: "\(span) of job '\(settings.name)'")
            return ExitStatus.done
        }
    }

    private func list(
        _ run: CivilDate, _ host: String, _ selection: EntrySelection, _ open: () throws(Fault) -> ManifestReader
    ) throws(Fault) {
        // A hard link refers to the key on the host; what is printed are names in archives.
        var linked: [ByteString: ByteString] = [:]
        let first = try open()
        while let row = try first.next(of: .hardLink, where: selection.mayBeOfTenant) {
            linked[row.entry.link] = row.entry.link
        }
        let second = try open()
        // What a link refers to may be another tenant's.
        let tenant = linked.isEmpty ? selection.mayBeOfTenant : nil
        while let row = try second.next(where: tenant) {
            try Shutdown.check()
            // The name that has the content comes before the others.
            if linked[row.entry.key] != nil { linked[row.entry.key] = row.nameOrKey }
            guard selection.selects(row) else { continue }
            var entry = row.entry
            entry.key = row.nameOrKey
            if entry.kind == .hardLink { entry.link = linked[entry.link] ?? entry.link }
            try printLine(row, entry, run, host)
        }
    }

    private struct RunLine: Codable {
        var run: String
        var hosts: [String]
    }

    private func printRun(_ run: CivilDate, hosts: [String]) throws(Fault) {
        if common.json { return try Output.writeLine(RunLine(run: run.description, hosts: hosts)) }
        common.output.line("\(run)  \(hosts.joined(separator: " "))")
    }

    private func printLine(_ row: Manifest.Row, _ entry: Entry, _ run: CivilDate, _ host: String) throws(Fault) {
        let isSkipped = row.flags.contains(.skipped)
        if common.json {
            try Output.writeLine(
                Line(
                    run: run.description, host: host, tenant: row.tenant, name: entry.key.description,
                    type: entry.kind.letter, size: entry.size, modified: entry.modified.rfc3339Local,
                    link: entry.link.isEmpty ? nil : entry.link.description, sha256: row.sha256?.description,
                    object: row.object, offset: row.range?.lowerBound,
                    length: row.range.map { $0.upperBound - $0.lowerBound }, storedInRun: row.run,
                    skipped: isSkipped ? row.reason : nil))
            return
        }
        common.output.line(
            "\(run) \(host) \(EntryLine.text(entry, showsOffset: true))\(isSkipped ? "  (not kept: \(row.reason))" : "")"
        )
    }
}
