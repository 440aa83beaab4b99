import Archive
import Ledger
import Platform

/// Which ranges of an archive bring the paths that are wanted.
enum ExtractPlan {
    /// Entries that are taken out of an archive at once.
    private static let batch = 4_096

    /// Calls `body` with what is wanted, some thousands of entries at once, in the order of the archive.
    ///
    /// - Throws: `damaged` when the index is, or has a hard link without its first name; what `body` throws.
    static func forEachBatch(
        _ index: any RangedSource, _ selects: (ByteString) -> Bool,
        _ body: ([ArchiveExtractor.Wanted]) throws(Fault) -> Void
    ) throws(Fault) {
        // A hard link has no bytes of its own: its first name brings them, restored under every name that is wanted.
        var links: [ByteString: [ByteString]] = [:]
        var few: [ArchiveExtractor.Wanted] = []
        let first = try ArchiveIndexReader(index)
        while let row = try first.next() {
            try Shutdown.check()
            guard selects(row.entry.key) else { continue }
            if row.entry.kind == .hardLink {
                links[row.entry.link, default: []].append(row.entry.key)
            } else if few.count <= batch {
                few.append(item(row, outputs: [row.entry.key]))
            }
        }
        // The usual case, some paths and no link to another: reading a long index once is enough.
        if links.isEmpty && few.count <= batch { return few.isEmpty ? () : try body(few) }
        few = []
        var wanted: [ArchiveExtractor.Wanted] = []
        let second = try ArchiveIndexReader(index)
        while let row = try second.next() {
            guard row.entry.kind != .hardLink else { continue }
            let others = links.removeValue(forKey: row.entry.key) ?? []
            let outputs = (selects(row.entry.key) ? [row.entry.key] : []) + others
            if outputs.isEmpty { continue }
            wanted.append(item(row, outputs: outputs))
            if wanted.count == batch {
                try body(wanted)
                wanted.removeAll(keepingCapacity: true)
            }
        }
        if !wanted.isEmpty { try body(wanted) }
        if let (target, names) = links.first {
            throw Fault(
                .damaged, "\(index.name): '\(names[0])' is a hard link to '\(target)', which is not in the archive")
        }
    }

    private static func item(_ row: ArchiveIndex.Row, outputs: [ByteString]) -> ArchiveExtractor.Wanted {
        .init(name: row.entry.key, range: row.range, sha256: row.sha256, entry: row.entry, outputs: outputs)
    }
}
