import Archive
import Codec
import Ledger
import Platform

/// What a restore reads: for each archive the entries that are wanted, by the manifests of one run.
///
/// Carried entries lead into the archives of earlier runs, so a run comes back whole, whatever was taken when. The rows
/// wait in a file without a name; the plan itself holds where they lie, so a million entries cost little memory.
struct RestorePlan {
    /// An archive with the entries that it has to give.
    struct Object: Sendable {
        var key: String
        var entries: Int64 = 0
        /// Compressed bytes that will be fetched: ranges that touch count once, with little between them as one.
        var bytes: Int64 = 0
        /// Whether it has to be read: directories and links come from the manifest alone.
        var isRead: Bool { bytes > 0 }
        fileprivate var rows: [Range<Int64>] = []
        fileprivate var end: Int64 = 0
        /// The names under which to restore an entry, where that is not just its own name.
        fileprivate var outputs: [ByteString: [ByteString]] = [:]
    }

    /// In the order in which the manifests name them first.
    private(set) var objects: [Object] = []
    private(set) var entries: Int64 = 0
    /// Content bytes of the files.
    private(set) var contentBytes: Int64 = 0
    /// Entries that match but were not kept when the run was collected, with the reason.
    private(set) var notKept: [String] = []
    /// Entries that match but that the manifest does not tell how to restore, and why.
    private(set) var lost: [(name: ByteString, fault: Fault)] = []

    private var numbers: [String: Int] = [:]
    private var claims = PathClaims()
    private let spool: EntrySpool
    /// The entries, once all were added.
    private(set) var content: RestoreEntries?

    /// Begins an empty plan.
    ///
    /// - Parameter scratch: a local directory for the file without a name.
    /// - Throws: the system's fault when the file can't be made.
    init(scratch: Directory) throws(Fault) { spool = try EntrySpool(scratch: scratch) }

    /// Adds the manifest of one host.
    ///
    /// - Parameters:
    ///   - host: the host.
    ///   - open: opens the manifest; it is read twice.
    ///   - tenant: whether rows of a tenant may be wanted; nothing where those of all may be.
    ///   - selects: whether a row is wanted.
    /// - Throws: `damaged` for a manifest that can't be read to its end.
    mutating func add(
        _ host: String, _ open: () throws(Fault) -> ManifestReader, tenant: ((String) -> Bool)? = nil,
        selects: (Manifest.Row) -> Bool
    ) throws(Fault) {
        // A hard link has no bytes of its own: the key that it links to brings them, under every name that is wanted.
        var links: [ByteString: [ByteString]] = [:]
        let first = try open()
        while let row = try first.next(of: .hardLink, where: tenant) {
            if !row.flags.contains(.skipped), selects(row) {
                links[row.entry.link, default: []].append(row.name)
            }
        }
        let second = try open()
        // What a link refers to may be another tenant's.
        while let row = try second.next(where: links.isEmpty ? tenant : nil) {
            try Shutdown.check()
            let isSelected = selects(row)
            if row.flags.contains(.skipped) {
                if isSelected { notKept.append("\(row.entry.key): \(row.reason)") }
                continue
            }
            guard row.entry.kind != .hardLink else { continue }
            let others = links.removeValue(forKey: row.entry.key) ?? []
            let names = (isSelected ? [row.name] : []) + others
            if !names.isEmpty { try add(row, outputs: names, of: host) }
        }
        for (target, names) in links.sorted(by: { $0.key < $1.key }) {
            lose(names, "is a hard link to '\(target)', which the manifest does not have")
        }
    }

    private mutating func lose(_ names: [ByteString], _ why: String) {
        lost += names.map { ($0, Fault(.damaged, why)) }
    }

    /// The names that an entry may have: the first entry with a path keeps it, a later one with another content is lost.
    private mutating func claim(_ names: [ByteString], _ row: Manifest.Row, _ host: String) -> [ByteString] {
        var free: [ByteString] = []
        for name in names {
            guard let owner = claims.claim(name, row, of: host) else {
                free.append(name)
                continue
            }
            let whose = owner == host ? "another entry of \(host)" : "\(owner)"
            lost.append(
                (
                    name,
                    Fault(
                        .exists, "\(whose) has this path, too, with another content; that of \(host) is left out",
                        hint: owner == host
                            ? "Restore one tenant at a time with --tenant, each into a directory of its own."
                            : "Restore one host at a time with --host, each into a directory of its own.")
                ))
        }
        return free
    }

    private mutating func add(_ row: Manifest.Row, outputs names: [ByteString], of host: String) throws(Fault) {
        guard let range = row.range, !row.object.isEmpty else {
            return lose(names, "the manifest does not tell where '\(row.entry.key)' is")
        }
        let outputs = claim(names, row, host)
        if outputs.isEmpty { return }
        let number: Int
        if let known = numbers[row.object] {
            number = known
        } else {
            number = objects.count
            numbers[row.object] = number
            objects.append(Object(key: row.object))
        }
        let place = try spool.append(EntryList.Row(.take, row))
        if outputs != [row.name] { objects[number].outputs[row.name] = outputs }
        // Directories and links come from the manifest alone.
        objects[number].add(place, row.entry.kind == .file ? range : nil)
        entries += Int64(outputs.count)
        if row.entry.kind == .file { contentBytes += row.entry.size }
    }

    /// Ends the adding.
    mutating func finish() throws(Fault) { content = RestoreEntries(try spool.finish()) }
}

/// The entries of a plan: any number of threads may read them.
struct RestoreEntries: Sendable {
    private let spooled: SpooledEntries

    /// Entries that are taken out of an archive at once.
    private static let batch = 4_096

    fileprivate init(_ spooled: SpooledEntries) { self.spooled = spooled }

    /// Calls `body` with the wanted entries of an archive, some thousands at once, in the order of the archive.
    func forEachBatch(of object: RestorePlan.Object, _ body: ([ArchiveExtractor.Wanted]) throws(Fault) -> Void)
        throws(Fault)
    {
        let rows = spooled.rows(object.rows)
        var batch: [ArchiveExtractor.Wanted] = []
        while let row = try rows.next()?.manifest {
            batch.append(
                .init(
                    name: row.name, range: row.range ?? 0..<0, sha256: row.sha256, entry: row.entry,
                    outputs: object.outputs[row.name] ?? [row.name]))
            if batch.count == Self.batch {
                try body(batch)
                batch.removeAll(keepingCapacity: true)
            }
        }
        if !batch.isEmpty { try body(batch) }
    }
}

extension RestorePlan.Object {
    fileprivate mutating func add(_ row: Range<Int64>, _ range: Range<Int64>?) {
        entries += 1
        if let last = rows.last, last.upperBound == row.lowerBound {
            rows[rows.count - 1] = last.lowerBound..<row.upperBound
        } else {
            rows.append(row)
        }
        guard let range else { return }
        let isNear = end > 0 && range.lowerBound <= end + ReadAheadSource.gap
        bytes += max(0, range.upperBound - (isNear ? end : max(end, range.lowerBound)))
        end = max(end, range.upperBound)
    }
}
