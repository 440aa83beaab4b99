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
    struct Memory: Codable {
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
    /// What the table on disk had, as it is now.
    private(set) var table = DepartureTable()
    /// What is new, by key.
    private(set) var added: [String: Departure] = [:]

    static let columns = [
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
        var (table, added) = (table, added)
        try Self.read(Self.tableFile(place.name), in: directory) { departure in
            // Earlier versions sorted by letters and not by bytes.
            if !table.append(departure) { added[departure.key] = departure }
        }
        (self.table, self.added) = (table, added)
    }

    // MARK: Files

    static let directoryName = ByteString("_retention")

    static func tableFile(_ place: String) -> ByteString { ByteString("\(place).tsv.gz") }
    private static func memoryFile(_ place: String) -> ByteString { ByteString("\(place).json") }

    /// Where the table of a vault lies while another one is in its place; no name of a vault has this sign.
    private static func aside(_ vault: String, _ identity: String) -> String {
        "\(vault)~\(SHA256Hasher.digest(of: Array(identity.utf8)).description.prefix(16))"
    }

    /// Finds the table of the vault that is open now: one that was in its place is none of its business, and its own may
    /// have been put aside, by somebody who was killed over it, too.
    static func find(_ vault: String, _ identity: String?, in directory: Directory) throws(Fault)
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
        departures.added = entries
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
        for tenant in tenants {
            memory.approved = (memory.approved ?? [:]).merging([tenant: run]) { Swift.max($0, $1) }
        }
    }

    mutating func forgetApprovals() { memory.approved = nil }

    package subscript(key: String) -> Departure? {
        get { number(key).map { table.departure($0) } ?? added[key] }
        set {
            if let number = number(key) { table.set(number, newValue) } else { added[key] = newValue }
        }
    }

    private func number(_ key: String) -> Int? {
        var key = key
        return key.withUTF8 { table.number(UnsafeRawBufferPointer($0)) }
    }

    package var count: Int { table.count + added.count }
    package var isEmpty: Bool { count == 0 }

    /// Whether the store may have marked the object, or has it no more.
    package func mayBeMarked(_ key: ObjectKey) -> Bool {
        switch self[key.description]?.state {
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
        for entry in self {
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
