import Archive
import Codec
import Ledger
import Platform
import TestSupport
import Testing

/// Archives that were written in a test, and where they lie.
struct Packed: Sendable {
    /// Holds `staging`, `scratch` and `out`.
    let top: TemporaryDirectory
    let written: [String: ArchiveWriter.Written]

    var out: String { top.path + "/out" }
    var directory: Directory { get throws { try Directory.open(out) } }

    func source(_ name: String = "acme") throws -> FileSource {
        let codec = written[name]?.index.header.codec ?? .gzip
        return try FileSource(try directory.openFile(ByteString(name + codec.suffix)))
    }

    func index(_ name: String = "acme") throws -> FileSource {
        try FileSource(try directory.openFile(ByteString(name + ".index.tsv.gz")))
    }

    func bytes(_ file: String) throws -> [UInt8] { try directory.readFile(ByteString(file)) }

    func rows(_ name: String = "acme") throws -> [ArchiveIndex.Row] { try indexRows(try index(name)) }
}

func indexRows(_ source: any RangedSource) throws -> [ArchiveIndex.Row] {
    let reader = try ArchiveIndexReader(source)
    var rows: [ArchiveIndex.Row] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
}

/// Where an entry goes.
typealias Placing = @Sendable (_ host: String, _ key: ByteString) -> (archive: String, member: ByteString)

/// All of all hosts into one archive, under the names that they have.
@Sendable func together(_ host: String, _ key: ByteString) -> (archive: String, member: ByteString) { ("acme", key) }

/// Each host below its name.
@Sendable func byHost(_ host: String, _ key: ByteString) -> (archive: String, member: ByteString) {
    ("acme", ByteString(host + "/") + key)
}

let runDate = CivilDate(dayNumber: 20_777)  // 2026-11-20

/// Stages the hosts, plans and writes all their archives, on a thread that may block; `spoil` is called with the staging
/// directory before anything is written.
func pack(
    _ hosts: [StagedHost], workers: Int = 2, compression: Compression = Compression(),
    crew given: CompressorCrew? = nil,
    place: @escaping Placing = together, spoil: @escaping @Sendable (TreeBuilder) throws -> Void = { _ in }
) async throws -> Packed {
    try await onOwnThread {
        let top = try TemporaryDirectory()
        let crew = try given ?? CompressorCrew(workers: workers, archives: 1)
        let written: [String: ArchiveWriter.Written]
        do {
            written = try packBlocking(
                hosts, in: top.path, compression: compression, crew: crew, place: place, spoil: spoil)
        } catch {
            // Nothing is left under a final or temporary name, whatever went wrong.
            let left = try Directory.open(top.path + "/out").names()
            #expect(left == [])
            if given == nil { try crew.finish() }
            throw error
        }
        if given == nil { try crew.finish() }
        return Packed(top: top, written: written)
    }
}

func packBlocking(
    _ hosts: [StagedHost], in path: String, compression: Compression = Compression(), crew: CompressorCrew,
    place: @escaping Placing = together,
    spoil: (TreeBuilder) throws -> Void = { _ in }
) throws -> [String: ArchiveWriter.Written] {
    let top = try Directory.create(path)
    let staging = try top.descendCreating(["staging"])
    let scratch = try top.descendCreating(["scratch"])
    let out = try top.descendCreating(["out"])
    var sources: [ArchivePlan.Source] = []
    for host in hosts {
        _ = try host.stage(in: staging)
        let name = host.name
        sources.append(
            .init(host: name, list: try host.list(in: staging)) { (key: ByteString) throws(Fault) in
                (place(name, key).archive, "acme")
            })
    }
    try spoil(TreeBuilder(staging))
    let plan = try ArchivePlan(sources, compression: { _ in compression }, scratch: scratch)
    let writer = ArchiveWriter(crew: crew, scratch: scratch)
    var written: [String: ArchiveWriter.Written] = [:]
    for archive in plan.archives {
        let request = ArchiveWriter.Request(
            name: ArchiveName(archive.name, archive.compression.codec), job: "siem", run: runDate,
            tool: "coldchain test", plan: archive,
            partSize: try PartTable.partSize(forTar: archive.tarSize), spool: plan.spool,
            tree: { (host: String) throws(Fault) in StagedTree(try staging.directory(ByteString(host))) },
            place: { (host: String, key: ByteString) throws(Fault) in place(host, key) })
        written[archive.name] = try writer.write(request, in: out)
    }
    return written
}

/// The fault that `body` ends with on a thread of its own, or nothing when it ends well.
func fault<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> Fault? {
    try await onOwnThread { TestSupport.fault(body) }
}

extension FileTree {
    /// The tree without the list of digests that an archive adds.
    func without(_ path: ByteString) -> FileTree {
        var copy = self
        copy.entries[path] = nil
        return copy
    }
}

func unpackedText(_ bytes: [UInt8]) throws -> String { String(decoding: try gunzipped(bytes), as: UTF8.self) }

func packedText(_ text: String) throws -> [UInt8] { try gzipped(Array(text.utf8)) }
