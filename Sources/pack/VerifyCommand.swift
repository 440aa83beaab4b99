import Archive
import ArgumentParser
import Codec
import Console
import Platform

/// `pack verify ARCHIVE...`: proves archives against their indexes.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Prove archives against their indexes.",
        discussion: """
            Inflates every member, checks CRC and length, the tar, every file's SHA-256, the upload parts and the \
            digest of the whole. Exits with 1 when anything is wrong, and says what and where.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The archives.", completion: .file(extensions: ["gz", "xz", "tar"])) var archives: [String]

    private struct Result: Codable {
        var archive: String
        var isGood: Bool
        var why: String?
        var entries: Int64
        var bytes: Int64
        var sha256: String?
    }

    func run() throws {
        try Door.run {
            var results: [Result] = []
            for path in archives {
                do {
                    let file = try ArchiveFile(path)
                    let report = try ArchiveVerifier(file.source, codec: file.codec).verify(index: file.index)
                    results.append(
                        Result(
                            archive: path, isGood: true,
                            why: report.hasIndex
                                ? nil : "no index beside it: proved by its structure and the digests in it alone",
                            entries: report.entries, bytes: report.contentBytes, sha256: report.sha256.description))
                } catch {
                    try Shutdown.check()
                    results.append(
                        Result(
                            archive: path, isGood: false, why: Fault.wrapping(error).description, entries: 0, bytes: 0))
                }
            }
            try common.output.result(results) {
                results.map { result in
                    result.isGood
                        ? "\(result.archive): OK, \(Figures.count(result.entries, "entry", "entries")), \(Figures.bytes(result.bytes))\(result.why.map { " (\($0))" } ?? "")"
                        : "\(result.archive): FAILED: \(result.why ?? "")"
                }.joined(separator: "\n")
            }
            return results.allSatisfy(\.isGood) ? ExitStatus.done : ExitStatus.failed
        }
    }
}
