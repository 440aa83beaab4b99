import Archive
import Ledger
import Platform

/// Which ranges of an archive bring the paths that are wanted.
enum ExtractPlan {
    /// - Throws: `damaged` when a hard link's first name is not in the archive.
    static func wanted(_ index: any RangedSource, _ selects: (ByteString) -> Bool) throws(Fault)
        -> [ArchiveExtractor.Wanted]
    {
        // A hard link has no bytes of its own: its first name brings them, restored under every name that is wanted.
        var links: [ByteString: [ByteString]] = [:]
        let first = try ArchiveIndexReader(index)
        while let row = try first.next() {
            if row.entry.kind == .hardLink && selects(row.entry.key) {
                links[row.entry.link, default: []].append(row.entry.key)
            }
        }
        var wanted: [ArchiveExtractor.Wanted] = []
        let second = try ArchiveIndexReader(index)
        while let row = try second.next() {
            guard row.entry.kind != .hardLink else { continue }
            let others = links.removeValue(forKey: row.entry.key) ?? []
            let outputs = (selects(row.entry.key) ? [row.entry.key] : []) + others
            if outputs.isEmpty { continue }
            wanted.append(
                .init(name: row.entry.key, range: row.range, sha256: row.sha256, entry: row.entry, outputs: outputs))
        }
        if let (target, names) = links.first {
            throw Fault(
                .damaged, "\(index.name): '\(names[0])' is a hard link to '\(target)', which is not in the archive")
        }
        return wanted
    }
}
