import Codec
import Ledger
package import Platform
package import Staging
import Vault

extension Departures {
    /// Reads a table row by row, if it is there; what many rows have is kept once.
    static func read(_ name: ByteString, in directory: Directory, _ each: (Departure) -> Void) throws(Fault) {
        guard try directory.exists(name) else { return }
        let reader = try RowReader(table: try FileSource(try directory.openFile(name)))
        guard try reader.next() else { throw reader.fault("is empty, expected a header line") }
        var places: [String: Int] = [:]
        for index in 0..<reader.fieldCount { places[try reader.text(index)] = index }
        let indexes = try columns.map { name throws(Fault) -> Int in
            guard let place = places[name] else { throw reader.fault("has no column '\(name)'") }
            return place
        }
        // Rows of one tenant and run mostly follow each other, and have been there before.
        let many = [4, 7, 8, 9].map { indexes[$0] }
        var last: (fields: [[UInt8]], shared: Departure.Shared)?
        var known: [[KeyDigest]: Departure.Shared] = [:]
        func shared() throws(Fault) -> Departure.Shared {
            if let last, zip(many, last.fields).allSatisfy({ reader.fieldEquals($1, $0) }) { return last.shared }
            var keys: [KeyDigest] = []
            for column in many { keys.append(try reader.key(column)) }
            let found: Departure.Shared
            if let shared = known[keys] {
                found = shared
            } else {
                found = Departure.Shared(
                    batch: try reader.text(many[0]), storageClass: try reader.text(many[1]),
                    tenants: try reader.text(many[2]).split(separator: ",").map(String.init),
                    run: try reader.text(many[3]))
                known[keys] = found
            }
            last = (many.map { reader.rawField($0) }, found)
            return found
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
}
