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
            stands in every run. Without --run, --from or --to only the newest run is listed.
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
            if runs {
                for (run, units) in all { try printRun(run, hosts: units.keys.sorted()) }
                return ExitStatus.done
            }
            if date == nil && from == nil && to == nil { all = Array(all.suffix(1)) }
            let selection = PathSelection(paths)
            for (run, units) in all {
                for (host, number) in units.sorted(by: { $0.key < $1.key }) where options.selects(host: host) {
                    let key = try layout.manifest(run: run, unit: host, number: number)
                    let reader = try ManifestReader(try vault.store.open(key))
                    while let row = try reader.next() {
                        try Shutdown.check()
                        let name = row.name.isEmpty ? row.entry.key : row.name
                        guard options.selects(row), selection.matches(name) else { continue }
                        try printLine(row, name, run, host)
                    }
                }
            }
            try selection.checkAllMatched(in: vault.store.description)
            return ExitStatus.done
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

    private func printLine(_ row: Manifest.Row, _ name: ByteString, _ run: CivilDate, _ host: String) throws(Fault) {
        let isSkipped = row.flags.contains(.skipped)
        if common.json {
            try Output.writeLine(
                Line(
                    run: run.description, host: host, tenant: row.tenant, name: name.description,
                    type: row.entry.kind.letter, size: row.entry.size, modified: row.entry.modified.rfc3339,
                    sha256: row.sha256?.description, object: row.object, offset: row.range?.lowerBound,
                    length: row.range.map { $0.upperBound - $0.lowerBound }, storedInRun: row.run,
                    skipped: isSkipped ? row.reason : nil))
            return
        }
        var entry = row.entry
        entry.key = name
        common.output.line(
            "\(run) \(host) \(EntryLine.text(entry, showsOffset: true))\(isSkipped ? "  (not kept: \(row.reason))" : "")"
        )
    }
}
