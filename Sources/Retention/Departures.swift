import Codec
import Ledger
package import Platform
package import Staging
package import Vault

/// What is on its way out of one vault: `ledger/_retention/VAULT.tsv.gz`, with what prune remembers of the vault beside it.
///
/// Whatever is done to an object in the vault, its state is written here first; so the next prune knows of everything that
/// may be marked, and goes on wherever one was killed. Read and written under the lock of the ledger.
package struct Departures: Sendable {
    /// What is remembered besides the objects.
    private struct Memory: Codable {
        var format = JSONFile.format
        /// The vault that it is about: another one in its place begins anew.
        var vault: String?
        var prunedAt: String?
        /// Tenants of which much was allowed to go at once, with the newest run that was meant.
        var approved: [String: String]?
    }

    private let ledger: LedgerDirectory
    private let vault: String
    private var memory: Memory
    /// The vault that was in this one's place last: its table is put aside before this one's is written.
    private var replaced: String?
    package private(set) var entries: [String: Departure] = [:]

    private static let columns = [
        "key", "kind", "state", "since", "batch", "size", "created", "class", "tenants", "run",
    ]

    /// Reads what is known of a vault.
    ///
    /// - Throws: `damaged` for a table that can't be read: what is marked must not be forgotten.
    package init(_ vault: OpenVault, of job: JobDirectory) throws(Fault) {
        try self.init(vault.name, identity: vault.identity, of: job)
    }

    private init(_ vault: String, identity: String? = nil, of job: JobDirectory) throws(Fault) {
        ledger = try job.ledger()
        self.vault = vault
        // Whoever only looks makes nothing.
        guard let directory = try ledger.directory(at: [Self.directoryName], makes: false) else {
            memory = Memory(vault: identity)
            return
        }
        let place = try Self.find(vault, identity, in: directory)
        (memory, replaced) = (place.memory, place.replaced)
        var found: [String: Departure] = [:]
        try Self.read(Self.tableFile(place.name), in: directory) { found[$0.key] = $0 }
        entries = found
    }

    // MARK: Files

    private static let directoryName = ByteString("_retention")

    private static func tableFile(_ place: String) -> ByteString { ByteString("\(place).tsv.gz") }
    private static func memoryFile(_ place: String) -> ByteString { ByteString("\(place).json") }

    /// Where the table of a vault lies while another one is in its place; no name of a vault has this sign.
    private static func aside(_ vault: String, _ identity: String) -> String {
        "\(vault)~\(SHA256Hasher.digest(of: Array(identity.utf8)).description.prefix(16))"
    }

    /// Finds the table of the vault that is open now: one that was in its place is none of its business, and its own may
    /// have been put aside, by somebody who was killed over it, too.
    private static func find(_ vault: String, _ identity: String?, in directory: Directory) throws(Fault)
        -> (name: String, memory: Memory, replaced: String?)
    {
        let known = try JSONFile.read(Memory.self, memoryFile(vault), in: directory)
        guard let identity else { return (vault, known ?? Memory(), nil) }
        let own = aside(vault, identity)
        if known == nil || known?.vault ?? identity != identity {
            let memory = try JSONFile.read(Memory.self, memoryFile(own), in: directory)
            if memory != nil || known != nil { return (own, memory ?? Memory(vault: identity), known?.vault) }
        }
        var memory = known ?? Memory()
        memory.vault = identity
        if try directory.exists(tableFile(vault)) { return (vault, memory, nil) }
        return (try directory.exists(tableFile(own)) ? own : vault, memory, nil)
    }

    /// Reads a table row by row, if it is there; what many rows have is kept once.
    private static func read(_ name: ByteString, in directory: Directory, _ each: (Departure) -> Void) throws(Fault) {
        guard try directory.exists(name) else { return }
        let reader = try RowReader(table: try FileSource(try directory.openFile(name)))
        guard try reader.next() else { throw reader.fault("is empty, expected a header line") }
        var places: [String: Int] = [:]
        for index in 0..<reader.fieldCount { places[try reader.text(index)] = index }
        let indexes = try columns.map { name throws(Fault) -> Int in
            guard let place = places[name] else { throw reader.fault("has no column '\(name)'") }
            return place
        }
        var known: [[KeyDigest]: Departure.Shared] = [:]
        func shared() throws(Fault) -> Departure.Shared {
            var keys: [KeyDigest] = []
            for column in [4, 7, 8, 9] { keys.append(try reader.key(indexes[column])) }
            if let shared = known[keys] { return shared }
            let shared = Departure.Shared(
                batch: try reader.text(indexes[4]), storageClass: try reader.text(indexes[7]),
                tenants: try reader.text(indexes[8]).split(separator: ",").map(String.init),
                run: try reader.text(indexes[9]))
            known[keys] = shared
            return shared
        }
        while try reader.next() {
            guard let kind = Departure.Kind(rawValue: try reader.text(indexes[1])),
                let state = Departure.State(rawValue: try reader.text(indexes[2]))
            else { throw reader.fault("an unknown kind or state") }
            each(
                Departure(
                    key: try reader.text(indexes[0]), kind: kind, state: state,
                    since: try reader.timestamp(indexes[3]), size: try reader.int(indexes[5]),
                    created: try reader.timestamp(indexes[6]), try shared()))
        }
    }

    /// What a vault may have marked, or has no more: the keys alone, since a stage has no room for more of them.
    ///
    /// - Throws: as ``init(_:of:)``.
    static func marked(_ vault: OpenVault, of job: JobDirectory) throws(Fault) -> Set<KeyDigest> {
        guard let directory = try job.ledger().directory(at: [Self.directoryName], makes: false) else { return [] }
        let place = try find(vault.name, vault.identity, in: directory).name
        var keys: Set<KeyDigest> = []
        try read(tableFile(place), in: directory) { departure in
            if departure.state != .quarantined { keys.insert(KeyDigest(departure.key)) }
        }
        return keys
    }

    /// The manifests that other vaults of the job delete: the ledger can't have them, whatever this one does.
    package static func retiredManifests(besides vault: String? = nil, of job: JobDirectory) throws(Fault)
        -> Set<String>
    {
        guard let directory = try job.ledger().directory(at: [Self.directoryName], makes: false) else { return [] }
        var keys: Set<String> = []
        for name in try directory.names() where name.bytes.first != UInt8(ascii: ".") {
            let text = name.description
            guard text.hasSuffix(".tsv.gz"), !text.contains("~"), text != vault.map({ "\($0).tsv.gz" }) else {
                continue
            }
            try read(name, in: directory) { entry in
                if entry.kind == .manifest, entry.state != .quarantined { keys.insert(entry.key) }
            }
        }
        return keys
    }

    /// Writes the table of a vault of which the ledger has none, as on a new server.
    ///
    /// When it was pruned last is not known then, so that the next prune lets no more go at once than that of a day.
    ///
    /// - Returns: whether there was none; a table that is there is left alone.
    package static func make(_ entries: [String: Departure], of vault: String, _ job: JobDirectory) throws(Fault)
        -> Bool
    {
        if try isKnown(vault, of: job) { return false }
        let directory = try job.ledger().directory(at: [Self.directoryName], makes: false)
        try directory?.removeIfPresent(memoryFile(vault))
        var departures = try Departures(vault, of: job)
        departures.entries = entries
        try departures.save()
        return true
    }

    /// Whether the ledger has the table of a vault.
    package static func isKnown(_ vault: String, of job: JobDirectory) throws(Fault) -> Bool {
        let directory = try job.ledger().directory(at: [Self.directoryName], makes: false)
        return try directory?.exists(tableFile(vault)) ?? false
    }

    /// When this vault was pruned last, by its own clock.
    package var prunedAt: Timestamp? { memory.prunedAt.flatMap { Timestamp(rfc3339: $0) } }

    /// The day of the newest run of which much may go at once, since somebody has approved it and not all has begun to go.
    func approvedDay(_ tenant: String) -> Int32 {
        memory.approved?[tenant].flatMap { CivilDate($0) }.map { Int32($0.dayNumber) } ?? Int32.min
    }

    /// Remembers an approval for what can't begin to go at once; it is saved with the rest.
    mutating func approve(_ tenants: [String], through run: String) {
        for tenant in tenants { memory.approved = (memory.approved ?? [:]).merging([tenant: run]) { max($0, $1) } }
    }

    mutating func forgetApprovals() { memory.approved = nil }

    package subscript(key: String) -> Departure? {
        get { entries[key] }
        set { entries[key] = newValue }
    }

    /// Whether the store may have marked the object, or has it no more.
    package func mayBeMarked(_ key: ObjectKey) -> Bool {
        switch entries[key.description]?.state {
        case .retired, .releasing, .gone: true
        case .quarantined, nil: false
        }
    }

    /// Brings the table to stable storage.
    ///
    /// - Parameter moment: when the vault was pruned, if it was.
    /// - Throws: the system's fault; the table before stands then.
    package mutating func save(prunedAt moment: Timestamp? = nil) throws(Fault) {
        guard let directory = try ledger.directory(at: [Self.directoryName], makes: true) else { return }
        if let other = replaced {
            // The table first: without its memory it is nobody's, the other way round it would be taken for this one's.
            let place = Self.aside(vault, other)
            for name in [Self.tableFile, Self.memoryFile] where try directory.exists(name(vault)) {
                try directory.rename(name(vault), to: name(place))
            }
            try directory.sync()
            replaced = nil
        }
        let pending = try PendingFile(Self.tableFile(vault), in: directory)
        let gzip = try GzipWriter(pending.file)
        var row = RowWriter()
        for column in Self.columns { row.field(column) }
        row.endRow()
        try gzip.write(&row)
        for key in entries.keys.sorted() {
            guard let entry = entries[key] else { continue }
            row.field(entry.key)
            row.field(entry.kind.rawValue)
            row.field(entry.state.rawValue)
            row.field(entry.since)
            row.field(entry.batch)
            row.field(entry.size)
            row.field(entry.created)
            row.field(entry.storageClass)
            row.field(entry.tenants.joined(separator: ","))
            row.field(entry.run)
            row.endRow()
            try gzip.write(&row)
        }
        _ = try gzip.finish()
        try pending.commit()
        if let moment { memory.prunedAt = moment.rfc3339 }
        // Behind the table: that of another vault must never be read as this one's.
        try JSONFile.write(memory, to: Self.memoryFile(vault), in: directory)
        if let identity = memory.vault {
            let place = Self.aside(vault, identity)
            for name in [Self.tableFile, Self.memoryFile] { try directory.removeIfPresent(name(place)) }
        }
    }
}
