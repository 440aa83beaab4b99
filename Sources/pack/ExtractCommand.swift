import Archive
import ArgumentParser
import Console
import Ledger
import Logging
import Platform

/// `pack extract ARCHIVE [PATH...] --to DIR`.
struct ExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Extract an archive, or some of its paths by seeking.",
        discussion: """
            With an index beside the archive, paths are read from the gzip members that hold them, and every file is \
            checked against its digest. Nothing is ever written outside of the target directory.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The tar.gz file.", completion: .file(extensions: ["gz"])) var archive: String
    @Argument(help: "Only these paths or globs; a directory brings all below it.") var paths: [String] = []
    @Option(
        name: .long, help: ArgumentHelp("Where to put it; made where it is missing.", valueName: "dir"),
        completion: .directory)
    var to = "."
    @Flag(name: .long, help: "Replace files that are there already.") var force = false

    func run() throws {
        try Door.run {
            let file = try ArchiveFile(archive)
            let target = RestoreTarget(try Directory.create(to), overwrites: force)
            let extractor = ArchiveExtractor(file.source)
            if paths.isEmpty {
                let skipped = try extractor.extractAll(
                    index: try file.index.map { source throws(Fault) in try ArchiveIndexReader(source) }, to: target)
                for what in skipped { common.logger().warning("skipped \(what)") }
            } else {
                guard let index = file.index else {
                    throw Fault(
                        .unsupported, "\(archive): has no index beside it, so single paths can't be found by seeking",
                        hint: "Extract it whole, or use tar: tar xzf ARCHIVE PATH.")
                }
                let selection = PathSelection(paths)
                try extractor.extract(
                    try ExtractPlan.wanted(index, { selection.matches($0) }), to: target)
                try selection.checkAllMatched(in: archive)
            }
            try target.finish()
            try common.output.result(["restored": target.restored, "kept": target.kept, "bytes": target.bytes]) {
                "\(target.restored) restored, \(Figures.wereThere(target.kept)), \(Figures.bytes(target.bytes))"
            }
            return ExitStatus.done
        }
    }
}
