import Archive
import Codec
import Console
import Ledger
import Platform
import Vault

/// What a restore reads: for each archive the entries that are wanted, by the manifests of one run.
///
/// Carried entries lead into the archives of earlier runs, so a run comes back whole, whatever was taken when.
struct RestorePlan {
    struct Object {
        var key: String
        var wanted: [ArchiveExtractor.Wanted]

        /// Bytes that will be fetched: ranges that touch count once.
        var bytes: Int64 {
            var total: Int64 = 0
            var end: Int64 = 0
            for range in wanted.map(\.range).sorted(by: { $0.lowerBound < $1.lowerBound }) {
                total += max(0, range.upperBound - max(end, range.lowerBound))
                end = max(end, range.upperBound)
            }
            return total
        }
    }

    /// By key.
    private(set) var objects: [Object] = []
    private(set) var entries = 0
    /// Content bytes of the files.
    private(set) var contentBytes: Int64 = 0
    /// Entries that match but were not kept when the run was collected, with the reason.
    private(set) var notKept: [String] = []

    private var numbers: [String: Int] = [:]

    /// Adds the manifest of one host.
    ///
    /// - Parameter open: opens the manifest; it is read twice.
    mutating func add(
        _ open: () throws(Fault) -> ManifestReader, selects: (Manifest.Row) -> Bool
    ) throws(Fault) {
        // A hard link has no bytes of its own: the key that it links to brings them, under every name that is wanted.
        var links: [ByteString: [ByteString]] = [:]
        let first = try open()
        while let row = try first.next() {
            if row.entry.kind == .hardLink, !row.flags.contains(.skipped), selects(row) {
                links[row.entry.link, default: []].append(row.name)
            }
        }
        let second = try open()
        while let row = try second.next() {
            try Shutdown.check()
            let isSelected = selects(row)
            if row.flags.contains(.skipped) {
                if isSelected { notKept.append("\(row.entry.key): \(row.reason)") }
                continue
            }
            guard row.entry.kind != .hardLink else { continue }
            let others = links.removeValue(forKey: row.entry.key) ?? []
            let outputs = (isSelected ? [row.name] : []) + others
            if outputs.isEmpty { continue }
            guard let range = row.range, !row.object.isEmpty else {
                throw Fault(.damaged, "the manifest does not tell where '\(row.entry.key)' is")
            }
            add(
                .init(name: row.name, range: range, sha256: row.sha256, entry: row.entry, outputs: outputs),
                in: row.object)
        }
        if let (target, names) = links.first {
            throw Fault(.damaged, "'\(names[0])' is a hard link to '\(target)', which the manifest does not have")
        }
    }

    private mutating func add(_ wanted: ArchiveExtractor.Wanted, in object: String) {
        let number: Int
        if let known = numbers[object] {
            number = known
        } else {
            number = objects.count
            numbers[object] = number
            objects.append(Object(key: object, wanted: []))
        }
        objects[number].wanted.append(wanted)
        entries += wanted.outputs.count
        if wanted.entry.kind == .file { contentBytes += wanted.entry.size }
    }
}
