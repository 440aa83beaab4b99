import Archive
import ArgumentParser
import Console
import Platform

/// `pack verify ARCHIVE...`: proves archives against their indexes.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Prove archives against their indexes.",
        discussion: """
            Inflates every member with a library that did not make it, checks CRC and length, the tar, every file's \
            SHA-256, the upload parts and the digest of the whole. Without an index, a tar.gz, tar.xz, tar.zst or tar of \
            any program is checked as far as it can be. Exits with 1 when anything is wrong, and says what and where.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The archives.", completion: .file(extensions: ["gz", "xz", "zst", "tar"])) var archives: [String]
    @Flag(name: .long, help: "Check the structure, and a sample of the members; this takes the index.")
    var quick = false
    @Option(
        name: .long,
        help: ArgumentHelp("Draws the sample of --quick; the same number, the same sample.", valueName: "n"))
    var seed: UInt64?
    @OptionGroup var threads: ReadingThreads

    func validate() throws {
        if seed != nil && !quick { throw ValidationError("--seed goes with --quick") }
    }

    func run() throws {
        try Door.run {
            var verdicts: [VerifyVerdict] = []
            for path in archives {
                do { verdicts.append(VerifyVerdict(path, try examine(path))) } catch {
                    try Shutdown.check()
                    verdicts.append(VerifyVerdict(path, unreadable: .wrapping(error)))
                }
            }
            try common.output.result(verdicts) { verdicts.map(\.text).joined(separator: "\n") }
            return verdicts.allSatisfy(\.isGood) ? ExitStatus.done : ExitStatus.failed
        }
    }

    private func examine(_ path: String) throws(Fault) -> VerifyReport {
        let file = try ArchiveFile(path)
        do throws(Fault) { return try examine(file) } catch { throw file.explaining(error) }
    }

    private func examine(_ file: ArchiveFile) throws(Fault) -> VerifyReport {
        let verifier = ArchiveVerifier(file.source, workers: threads.count)
        guard quick else { return try verifier.examine(index: file.index) }
        guard let index = file.index else {
            throw Fault(.unsupported, "has no index beside it, which --quick compares it with")
        }
        return try verifier.sample(index: index, seed: seed ?? .random(in: 1...999_999))
    }
}
