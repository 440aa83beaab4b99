import ArgumentParser
import Console
import Ledger
import Logging
import Platform

/// `pack list ARCHIVE [PATH...]`: what is inside, from the index alone where it lies beside the archive.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the entries of an archive.",
        discussion: """
            The index beside the archive is read if there is one, else the archive itself: a tar.gz, tar.xz, tar.zst or \
            tar of any program. The lines are those of tar tv.
            """
    )

    @OptionGroup var common: CommonOptions
    @Argument(help: "The archive.", completion: .file(extensions: ["gz", "xz", "zst", "tar"])) var archive: String
    @Argument(help: "Only these paths or globs.") var paths: [String] = []

    private struct Line: Codable {
        var name: String
        var type: String
        var size: Int64
        var modified: String
        var mode: String
        var uid: UInt32
        var gid: UInt32
        var link: String?
    }

    func run() throws {
        try Door.run {
            let file = try ArchiveFile(archive)
            let selection = PathSelection(paths)
            var warnings = 0
            func warn(_ what: String) {
                warnings += 1
                common.logger().warning("\(what)")
            }
            try file.forEachEntry(warn: warn) { entry in
                guard selection.matches(entry.key) else { return }
                if common.json {
                    let line = Line(
                        name: entry.key.description, type: entry.kind.letter, size: entry.size,
                        modified: entry.modified.rfc3339Local, mode: String(entry.mode, radix: 8), uid: entry.uid,
                        gid: entry.gid, link: entry.link.isEmpty ? nil : entry.link.description)
                    try Output.writeLine(line)
                } else {
                    common.output.line(EntryLine.text(entry))
                }
            }
            try selection.checkAllMatched(in: archive, list: "pack list \(archive)")
            return warnings == 0 ? ExitStatus.done : ExitStatus.partial
        }
    }
}
