import Archive
import Codec
import Console
import Platform

/// What `pack verify` says of one archive, as text and as JSON: what is wrong, what was looked at, and what was not.
struct VerifyVerdict: Codable {
    struct Finding: Codable {
        var what: String
        var member: Int?
        var offset: Int64?
        var length: Int64?
        var entry: String?
        var entries: Int64?
    }

    var archive: String
    var isGood: Bool
    /// What it was compared with: `index`, `digest-list` or `structure`.
    var proof: String?
    var format: String?
    var entries: Int64 = 0
    var files: Int64 = 0
    var bytes: Int64 = 0
    var members: Int64 = 0
    var sha256: String?
    /// What draws the sample.
    var seed: UInt64?
    var checked: [String] = []
    var unchecked: [String] = []
    var findings: [Finding] = []
    /// The first finding, or why nothing could be found.
    var why: String?

    init(_ archive: String, unreadable fault: Fault) {
        self.archive = archive
        isGood = false
        why = fault.description + (fault.hint.map { ". \($0)" } ?? "")
    }

    init(_ archive: String, _ report: VerifyReport) {
        self.archive = archive
        isGood = report.findings.isEmpty
        proof = report.proof.rawValue
        format = report.format.rawValue
        (entries, files, bytes, members) = (report.entries, report.files, report.contentBytes, report.members)
        if report.sha256 != .zero { sha256 = report.sha256.description }
        seed = report.sample?.seed
        (checked, unchecked) = Self.scope(report)
        findings = report.findings.map {
            Finding(
                what: $0.message, member: $0.member, offset: $0.offset, length: $0.length,
                entry: $0.entry?.description, entries: $0.entry == nil ? nil : $0.entries)
        }
        why = report.findings.first?.description
        details = report.findings.map(\.description)
    }

    /// The findings as lines, for people.
    private var details: [String] = []

    private enum CodingKeys: String, CodingKey {
        case archive, isGood, proof, format, entries, files, bytes, members, sha256, seed, checked, unchecked, findings
        case why
    }

    /// What was looked at, and what was not.
    private static func scope(_ report: VerifyReport) -> (checked: [String], unchecked: [String]) {
        let members = Figures.count(report.members, "member", "members")
        if let sample = report.sample {
            return (
                [
                    "the index in itself", "headers and trailers of \(members)",
                    "the data of \(sample.members) by \(report.provedBy.words), with \(Figures.count(report.files, "file", "files"))",
                ],
                sample.members < report.members
                    ? [
                        "the data of \(report.members - sample.members) members", "the upload parts",
                        "the whole's SHA-256",
                    ]
                    : ["the upload parts", "the whole's SHA-256"]
            )
        }
        switch report.proof {
        case .index:
            return (
                [
                    "\(members) by \(report.provedBy.words)", "the tar",
                    "\(Figures.count(report.files, "SHA-256", "SHA-256s"))",
                    "\(Figures.count(report.parts, "upload part", "upload parts"))", "the whole's SHA-256",
                    "MANIFEST.sha256",
                ], []
            )
        case .digestList:
            return (
                [
                    "the compression", "the tar",
                    "\(Figures.count(report.files, "SHA-256", "SHA-256s")) by MANIFEST.sha256",
                ],
                ["metadata, upload parts and the whole: no index beside it"]
            )
        case .structure:
            return (
                report.format == .tar ? ["the tar"] : ["the compression", "the tar"],
                ["the content of files: no index beside it and no MANIFEST.sha256 in it"]
            )
        }
    }

    /// A line that need not name the archive, since it stands before it.
    private func unnamed(_ line: String) -> Substring {
        line.hasPrefix("\(archive): ") ? line.dropFirst(archive.count + 2) : line[...]
    }

    /// Lines for people.
    var text: String {
        guard isGood else {
            let lines = details.isEmpty ? [why ?? ""] : details
            return lines.prefix(20).map { "\(archive): FAILED: \(unnamed($0))" }.joined(separator: "\n")
                + (lines.count > 20 ? "\n\(archive): FAILED: and \(lines.count - 20) more; --json has all of them" : "")
        }
        let sum =
            seed == nil ? "\(Figures.count(entries, "entry", "entries")), \(Figures.bytes(bytes))" : "by a sample"
        return "\(archive): OK, \(sum); checked: \(checked.joined(separator: ", "))"
            + (unchecked.isEmpty ? "" : "; not checked: \(unchecked.joined(separator: ", "))")
            + (seed.map { " (seed \($0))" } ?? "")
    }
}

extension MemberLibrary {
    /// As the inflating library is told.
    fileprivate var words: String {
        switch self {
        case .none: "copying"
        case .liblzma: "liblzma, which made them, too"
        default: rawValue
        }
    }
}
