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
            With an index beside the archive, paths are read from the members that hold them, and every file is checked \
            against its digest. Without one, any tar.gz, tar.xz, tar.zst or tar is read from front to back. What can't \
            be extracted is named while all else is. Nothing is ever written outside of the target directory.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The archive.", completion: .file(extensions: ["gz", "xz", "zst", "tar"])) var archive: String
    @Argument(help: "Only these paths or globs; a directory brings all below it.") var paths: [String] = []
    @Option(
        name: .long, help: ArgumentHelp("Where to put it; made where it is missing.", valueName: "dir"),
        completion: .directory)
    var to = "."
    @Flag(name: .long, help: "Replace files that are there already.") var force = false
    @OptionGroup var threads: ReadingThreads

    func run() throws {
        try Door.run {
            let file = try ArchiveFile(archive)
            let report = RestoreReport(common)
            // A directory that has to be made is one as mkdir(1) makes it.
            let target = RestoreTarget(
                try Directory.create(to, mode: 0o777), overwrites: force, keepsSetID: file.index != nil)
            let selection = PathSelection(paths)
            let extractor = ArchiveExtractor(
                file.source, codec: file.codec, index: file.index, workers: threads.count)
            var failure: Fault?
            do throws(Fault) {
                if let index = file.index {
                    try ExtractPlan.forEachBatch(index, selection.matches) {
                        (batch: [ArchiveExtractor.Wanted]) throws(Fault) in
                        try extractor.extract(batch, to: target) { report.failed($0, $1) }
                    }
                } else {
                    try extractor.extractAll(
                        to: target, selects: selection.matches, failed: { report.failed($0, $1) },
                        leftOut: { report.leftOut($0) })
                }
            } catch { failure = file.explaining(error) }
            // What came back is settled, whatever ended it.
            do throws(Fault) { try target.finish() } catch { failure = failure ?? error }
            if target.clearedSetID > 0 {
                common.logger().notice(
                    "\(archive): \(Figures.count(target.clearedSetID, "file", "files")) without the setuid or setgid bit that the archive gives: it has no index of pack's"
                )
            }
            if let failure {
                guard failure.code == .damaged, target.restored + target.kept > 0 else { throw failure }
                report.lost(archive, failure)
            }
            let status = try report.finish(
                to: to, restored: target.restored, kept: target.kept, bytes: target.bytes)
            try selection.checkAllMatched(in: archive, list: "pack list \(archive)")
            return status
        }
    }
}
