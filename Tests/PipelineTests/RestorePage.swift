import Platform
import TestSupport

/// The commands of coldchain(7), section "A whole run with carried entries", as the page has them.
enum RestorePage {
    /// Restores a host of a run into `place`, which must not be there yet.
    static func restore(_ pipeline: Pipeline, _ date: String, _ host: String, to place: String) async throws {
        let manifests = try await StockRestore.manifests(pipeline, date)
        guard let manifest = manifests[host] else { throw Fault(.notFound, "\(host) has no manifest of \(date)") }
        try await pipeline.shell(
            "set -euo pipefail\n"
                + (try commands([
                    "VAULT": pipeline.vault, "docs/_ledger/2025-11-19/local.manifest.1.tsv.gz": manifest,
                    "/tmp/manifest": place + ".manifest", "/tmp/back": place,
                ])))
    }

    /// The section's example, with names of this world for those of the page.
    private static func commands(_ names: [String: String]) throws -> String {
        let page = String(
            decoding: try Directory.open(Repository.root + "/man").readFile("coldchain.7"), as: UTF8.self)
        guard let section = page.split(separator: ".Ss A whole run with carried entries\n").last,
            let start = section.firstRange(of: ".Bd -literal -offset indent\n"),
            let end = section.firstRange(of: "\n.Ed\n")
        else { throw Fault(.notFound, "coldchain(7) has no such section") }
        var text = section[start.upperBound..<end.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("$ ") ? String($0.dropFirst(2)) : String($0) }.joined(separator: "\n")
            .replacing("\\e", with: "\\")
        for (name, own) in names {
            guard text.contains(name) else { throw Fault(.notFound, "coldchain(7) does not name \(name) there") }
            text = text.replacing(name, with: own)
        }
        return text
    }
}
