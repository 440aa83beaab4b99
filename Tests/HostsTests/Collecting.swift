import Codec
import Hosts
import Ledger
import Platform
import Settings
import TestSupport
import Testing

/// What one collection left.
struct Collected: Sendable {
    let outcome: CollectionOutcome
    let rows: [EntryList.Row]
    /// The staging directory of the host.
    let staging: String

    func row(_ key: ByteString) throws -> EntryList.Row {
        try #require(rows.first { $0.entry.key == key }, "no row '\(key)' in \(rows.map(\.entry.key))")
    }

    /// The content that was staged for a key.
    func content(_ key: ByteString) throws -> [UInt8] {
        var components = StagedPath.components(of: key)
        let last = components.popLast()
        let name = try #require(last)
        return try Directory.open(staging).descend(components).readFile(name)
    }

    /// The rows as the next run's held side, as if pack and ship had done their work.
    var held: [Manifest.Row] {
        rows.map { row in
            var held = row.manifest
            if row.action == .take {
                held.object = "job/archive.tar.gz"
                held.name = ByteString("member/") + row.entry.key
                held.range = 0..<512
                held.storageClass = "STANDARD"
            }
            return held
        }
    }
}

/// A moment long after every file of a test was made, so that nothing is close to its capture.
let later = Timestamp(seconds: 4_000_000_000)

/// Collects a tree below `directory`, which may have been used before.
func collect(
    _ tree: any SourceTree, in directory: String, held: [Manifest.Row]? = nil,
    rules: IncrementalPlan.Rules = .init(isAlwaysFull: false), workers: Int = 2, now: Timestamp = later,
    run: String = "2026-11-20", place: @escaping @Sendable (ByteString) -> Placement = allToAcme
) async throws -> Collected {
    try await onOwnThread {
        try collectBlocking(
            tree, in: directory, held: held, rules: rules, workers: workers, now: now, run: run, place: place)
    }
}

@Sendable func allToAcme(_ key: ByteString) -> Placement { .archive(tenant: "acme", name: "acme", member: key) }

func collectBlocking(
    _ tree: any SourceTree, in directory: String, held: [Manifest.Row]?, rules: IncrementalPlan.Rules, workers: Int,
    now: Timestamp, run: String, place: @escaping @Sendable (ByteString) -> Placement
) throws -> Collected {
    let top = try Directory.create(directory)
    let destination = try top.descendCreating(["host.partial"])
    let list = try top.createFile("host.entries.tsv.gz")
    let collection = TreeCollection(tree, held: pull(held), rules: rules, run: run, clock: Clock { now }, place: place)
    let outcome = try collection.run(into: destination, list: list, workers: workers)
    #expect(try SHA256Hasher.digest(of: FileSource(list)) == outcome.list)
    let rows = try readList(list)
    let keys = rows.map(\.entry.key)
    #expect(keys == keys.sorted() && Set(keys).count == keys.count, "the rows are not in key order")
    #expect(outcome.counts["entries"] == (rows.isEmpty ? nil : Int64(rows.count)))
    let collected = Collected(outcome: outcome, rows: rows, staging: destination.path)
    try expectStaged(collected)
    return collected
}

func readList(_ list: File) throws -> [EntryList.Row] {
    let reader = try EntryListReader(FileSource(list))
    var rows: [EntryList.Row] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
}

/// A stream of rows.
func pull(_ rows: [Manifest.Row]?) -> TreeCollection.Held? {
    guard let rows else { return nil }
    var rest = rows[...]
    return { () throws(Fault) -> Manifest.Row? in rest.popFirst() }
}

/// Staging holds the content of the taken files and nothing else, each with the digest and the size of its row.
private func expectStaged(_ collected: Collected) throws {
    let taken = collected.rows.filter { $0.action == .take && $0.entry.kind == .file }
    let staging = try Directory.open(collected.staging)
    for row in taken.prefix(2_000) {
        var components = StagedPath.components(of: row.entry.key)
        let last = components.popLast()
        let name = try #require(last)
        let parent = try staging.descend(components)
        let file = try parent.openFile(name)
        let status = try file.status()
        #expect(status.size == row.entry.size, "\(row.entry.key)")
        #expect(status.mode == 0o600, "\(row.entry.key)")
        #expect(components.isEmpty || (try? parent.status().mode) == 0o700, "\(row.entry.key)")
        // Gigabytes of holes are not read again.
        if status.size < 64 << 20 {
            #expect(try SHA256Hasher.digest(of: FileSource(file)) == row.manifest.sha256, "\(row.entry.key)")
        }
    }
    var count = 0
    var walk = try DirectoryWalk(staging)
    while let step = try walk.next() {
        let status = try step.status.get()
        if status.kind != .directory { count += 1 }
    }
    #expect(count == taken.count, "staging holds \(count) files, the list has \(taken.count)")
}
