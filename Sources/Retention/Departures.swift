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
    }

    private let directory: Directory
    private let vault: String
    private var memory: Memory
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
        directory = try job.ledgerDirectory().descendCreating(["_retention"])
        self.vault = vault
        memory = try JSONFile.read(Memory.self, ByteString("\(vault).json"), in: directory) ?? Memory()
        guard identity == nil || memory.vault == nil || memory.vault == identity else {
            memory = Memory(vault: identity)
            return
        }
        memory.vault = identity ?? memory.vault
        guard try directory.exists(tableName) else { return }
        let reader = RowReader(gzip: try FileSource(try directory.openFile(tableName)))
        guard try reader.next() else { throw reader.fault("is empty, expected a header line") }
        var places: [String: Int] = [:]
        for index in 0..<reader.fieldCount { places[try reader.text(index)] = index }
        let indexes = try Self.columns.map { name throws(Fault) -> Int in
            guard let place = places[name] else { throw reader.fault("has no column '\(name)'") }
            return place
        }
        while try reader.next() {
            guard let kind = Departure.Kind(rawValue: try reader.text(indexes[1])),
                let state = Departure.State(rawValue: try reader.text(indexes[2]))
            else { throw reader.fault("an unknown kind or state") }
            let key = try reader.text(indexes[0])
            entries[key] = Departure(
                key: key, kind: kind, state: state, since: try reader.timestamp(indexes[3]),
                batch: try reader.text(indexes[4]), size: try reader.int(indexes[5]),
                created: try reader.timestamp(indexes[6]), storageClass: try reader.text(indexes[7]),
                tenants: try reader.text(indexes[8]).split(separator: ",").map(String.init),
                run: try reader.text(indexes[9]))
        }
    }

    /// The manifests that other vaults of the job delete: the ledger can't have them, whatever this one does.
    package static func retiredManifests(besides vault: String? = nil, of job: JobDirectory) throws(Fault) -> Set<
        String
    > {
        guard let directory = try job.ledger().directory(at: ["_retention"], makes: false) else { return [] }
        var keys: Set<String> = []
        for name in try directory.names() where name.bytes.first != UInt8(ascii: ".") {
            let text = name.description
            guard text.hasSuffix(".tsv.gz"), text != vault.map({ "\($0).tsv.gz" }) else { continue }
            let other = try Departures(String(text.dropLast(".tsv.gz".utf8.count)), of: job)
            for entry in other.entries.values where entry.kind == .manifest && entry.state != .quarantined {
                keys.insert(entry.key)
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
        let directory = try job.ledgerDirectory().descendCreating(["_retention"])
        try directory.removeIfPresent(ByteString("\(vault).json"))
        var departures = try Departures(vault, of: job)
        departures.entries = entries
        try departures.save()
        return true
    }

    /// Whether the ledger has the table of a vault.
    package static func isKnown(_ vault: String, of job: JobDirectory) throws(Fault) -> Bool {
        let directory = try job.ledger().directory(at: ["_retention"], makes: false)
        return try directory?.exists(ByteString("\(vault).tsv.gz")) ?? false
    }

    private var tableName: ByteString { ByteString("\(vault).tsv.gz") }

    /// When this vault was pruned last, by its own clock.
    package var prunedAt: Timestamp? { memory.prunedAt.flatMap { Timestamp(rfc3339: $0) } }

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
        let pending = try PendingFile(tableName, in: directory)
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
        try JSONFile.write(memory, to: ByteString("\(vault).json"), in: directory)
    }
}
