import Console
import Vault

/// What `ship verify` says of a vault.
struct VaultVerdict: Codable, Sendable {
    struct Sample: Codable, Sendable {
        /// Archives that were to be read.
        var archives = 0
        /// Those whose bytes were all read and are right.
        var good = 0
        /// Those that must be restored before they can be read.
        var archived = 0
    }

    var job: String
    var vault: String
    var manifests = 0
    var archives = 0
    /// All objects that were looked at, with their bytes.
    var objects = 0
    var bytes: Int64 = 0
    /// How many were proved how; `head` means size and settings alone.
    var evidence: [String: Int] = [:]
    var sample = Sample()
    /// Whether objects that nothing names were looked for.
    var looksForExtras = false
    /// Why ledger and records were not there to tell what should be in the vault.
    var withoutStaging: String?
    var findings: [ObjectFinding] = []

    init(job: String, vault: String) {
        self.job = job
        self.vault = vault
    }

    mutating func add(_ found: [ObjectExamination]) {
        for examination in found {
            objects += 1
            bytes += examination.head?.size ?? 0
            if let word = examination.evidence?.rawValue { evidence[word, default: 0] += 1 }
            findings += examination.findings
        }
    }

    mutating func addSample(_ archive: ObjectExamination) {
        sample.archives += 1
        if archive.isArchived {
            sample.archived += 1
        } else if archive.evidence ?? .head >= .reread,
            archive.findings.allSatisfy({ $0.kind != .altered && $0.kind != .unreadable })
        {
            sample.good += 1
        }
    }

    /// Sorted, so that two looks at one vault say the same.
    mutating func sort() {
        findings.sort { ($0.key, $0.kind.rawValue, $0.what) < ($1.key, $1.kind.rawValue, $1.what) }
    }

    /// 0 when all is as it should be, 3 otherwise, 1 when no object is.
    var status: Int32 {
        if findings.isEmpty { return ExitStatus.done }
        let wrong = Set(findings.filter { $0.kind != .extra }.map(\.key))
        return wrong.count >= objects ? ExitStatus.failed : ExitStatus.partial
    }

    var text: String {
        var lines: [String] = []
        if !findings.isEmpty {
            var table = TextTable(["FINDING", "OBJECT", ""])
            for finding in findings { table.add([finding.kind.rawValue, finding.key, finding.what]) }
            lines.append(table.text)
        }
        let proofs = ["checksum", "reread", "head"].compactMap { word in
            evidence[word].map { "\($0) by \(word)" }
        }
        lines.append(
            "\(vault): \(Figures.count(Int64(manifests), "manifest", "manifests")), "
                + "\(Figures.count(Int64(archives), "archive", "archives")), "
                + "\(Figures.count(Int64(objects), "object", "objects")), \(Figures.bytes(bytes))"
                + (proofs.isEmpty ? "" : "; proved \(proofs.joined(separator: ", "))"))
        if sample.archives > 0 {
            var words =
                "sample: \(sample.good) of \(Figures.count(Int64(sample.archives), "archive", "archives")) read and right"
            if sample.archived > 0 { words += ", \(sample.archived) not readable before a restore" }
            lines.append(words)
        }
        if let withoutStaging {
            lines.append("manifests that are gone were not looked for, without staging: \(withoutStaging)")
        }
        if !looksForExtras { lines.append("objects that nothing names were not looked for") }
        lines.append(
            findings.isEmpty ? "all is as it should be" : Figures.count(Int64(findings.count), "finding", "findings"))
        return lines.joined(separator: "\n")
    }
}
