import Console
import Hosts

/// What is said of a host, in numbers.
extension HostCollection {
    /// What a host would bring, by the counts of its plan: `4 entries (1.4 KiB) to take: 3 changed, 1 new; 1969 carried
    /// (31.8 MiB); 0 skipped; 1 vanished`.
    static func outlook(_ counts: [String: Int64]) -> String {
        func bytes(_ key: String) -> String { Figures.bytes(counts[key] ?? 0) }
        let why = reasons("taken.", counts)
        let taken = Figures.count(counts["taken"] ?? 0, "entry", "entries")
        var parts = ["\(taken) (\(bytes("bytes.taken"))) to take" + (why.isEmpty ? "" : ": \(why)")]
        if let carried = counts["carried"] {
            parts.append("\(carried) carried (\(bytes("bytes.carried")))")
        } else {
            parts.append("0 carried")
        }
        parts.append(skipped(counts))
        if let vanished = counts["vanished"] { parts.append("\(vanished) vanished") }
        return parts.joined(separator: "; ")
    }

    /// `3 changed, 1 new`.
    private static func reasons(_ prefix: String, _ counts: [String: Int64]) -> String {
        counts.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
            .map { "\($0.value) \($0.key.dropFirst(prefix.count))" }.joined(separator: ", ")
    }

    private static func skipped(_ counts: [String: Int64]) -> String {
        let why = reasons("skipped.", counts)
        return "\(counts["skipped"] ?? 0) skipped" + (why.isEmpty ? "" : " (\(why))")
    }

    static func summary(_ outcome: CollectionOutcome, _ seconds: Double) -> String {
        let counts = outcome.counts
        let bytes = counts["bytes.taken"] ?? 0
        var parts = ["\(counts["taken"] ?? 0) taken (\(Figures.bytes(bytes)))", "\(counts["carried"] ?? 0) carried"]
        parts.append(skipped(counts))
        for (key, count) in counts.sorted(by: { $0.key < $1.key }) where key.hasPrefix("flagged.") {
            parts.append("\(count) \(key.dropFirst("flagged.".count))")
        }
        if let reused = counts["reused"] { parts.append("\(reused) staged before") }
        parts.append(Figures.seconds(seconds))
        if seconds > 0.1, bytes > 0 { parts.append("\(Figures.bytes(Int64(Double(bytes) / seconds)))/s") }
        return parts.joined(separator: ", ")
    }
}
