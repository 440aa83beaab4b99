import Codec
import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@testable import Hosts

/// A rerun goes on where an attempt stopped, and believes nothing that it can't prove.
@Suite(.timeLimit(.minutes(10)))
struct CollectionJournalTests {
    /// One attempt at a host, with a journal in `directory`.
    private func attempt(_ tree: any SourceTree, in directory: String, workers: Int = 2) async throws
        -> (outcome: CollectionOutcome, rows: [EntryList.Row])
    {
        try await onOwnThread {
            let top = try Directory.create(directory)
            let list = try top.createFile("list")
            let collection = TreeCollection(
                tree, held: nil, rules: .init(isAlwaysFull: true), run: "2026-11-20", clock: Clock { later },
                place: { allToAcme($0) })
            let outcome = try collection.run(
                into: try top.descendCreating(["content"]), list: list, workers: workers,
                journal: try CollectionJournal("host", in: top))
            return (outcome, try readList(list))
        }
    }

    /// A tree that is gone after some opens.
    private func breaking(_ path: String, after opens: Int64) throws -> ChangingTree {
        let count = Counter()
        return try ChangingTree(
            path,
            opening: { (_) throws(Fault) in
                count.add(1)
                if count.value > opens { throw Fault(.unreachable, "host: the connection was lost") }
            }, step: 1 << 20)
    }

    @Test("What is staged is not fetched again")
    func resumes() async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        for number in 0..<2_000 {
            try build.file(ByteString("d\(number / 100)/f\(number)"), Array("content \(number)".utf8))
        }
        let path = directory.path
        let first = await fault { _ = try await attempt(breaking(path + "/tree", after: 1_500), in: path + "/out") }
        #expect(first?.code == .unreachable)
        let second = await fault { _ = try await attempt(breaking(path + "/tree", after: 300), in: path + "/out") }
        #expect(second?.code == .unreachable)
        let tree = try ChangingTree(path + "/tree")
        let (outcome, rows) = try await attempt(tree, in: path + "/out")
        let reused = outcome.counts["reused"] ?? 0
        #expect(reused >= 1_000, "\(reused) of 2000 were staged before")
        #expect(tree.opens.value == 2_000 - reused)
        #expect(rows.count == 2_020)
        for row in rows where row.entry.kind == .file {
            let number = String(decoding: row.entry.key.components[1].bytes.dropFirst(), as: UTF8.self)
            #expect(row.manifest.sha256 == SHA256Hasher.digest(of: Array("content \(number)".utf8)))
        }
    }

    @Test("Staged bytes that rotted, files that changed and files that are gone are not believed")
    func proves() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        let build = try TreeBuilder(path + "/tree")
        let moment = Timestamp(seconds: 1_700_000_000)
        // As many as go through the queues together, and then one that fails.
        let fillers = (10..<38).map { "f\($0)" }
        for name in fillers + ["gone", "new", "rotten", "same"] {
            try build.file(ByteString(name), Array(name.utf8), modified: moment)
        }
        try build.file("z", Array("last".utf8))
        let broken = await fault {
            _ = try await attempt(breaking(path + "/tree", after: 32), in: path + "/out", workers: 1)
        }
        #expect(broken != nil)
        let staged = try Directory.open(path + "/out/content")
        #expect(try Set(staged.names()).isSuperset(of: ["gone", "new", "rotten", "same"]))
        let rotten = try staged.createFile("rotten")
        try rotten.write(Array("rOtten".utf8))
        try build.root.remove("gone")
        try build.file("new", Array("NEW".utf8), modified: Timestamp(seconds: 1_700_000_001))
        let (outcome, rows) = try await attempt(ChangingTree(path + "/tree"), in: path + "/out")
        #expect(outcome.counts["reused"] == Int64(fillers.count) + 1)
        #expect(rows.map(\.entry.key).suffix(4) == ["new", "rotten", "same", "z"])
        #expect(try staged.readFile("rotten") == Array("rotten".utf8))
        #expect(try staged.readFile("new") == Array("NEW".utf8))
        #expect(
            try Set(staged.names()) == Set(fillers.map { ByteString($0) } + ["new", "rotten", "same", "z"]),
            "what the list has not is removed")
    }

    /// A large file that breaks off, then `change` happens, then it is read again.
    private func large(_ change: (String) throws -> Void) async throws -> (read: Int64, isRight: Bool) {
        let directory = try TemporaryDirectory()
        let path = directory.path
        let size = Int(CollectionJournal.prefixStep) * 2 + 10_000_000
        var content = [UInt8](repeating: 0, count: size)
        var random = SplitMix64(seed: 3)
        for at in stride(from: 0, to: size - 8, by: 997) { content[at] = UInt8(truncatingIfNeeded: random.next()) }
        let moment = Timestamp(seconds: 1_700_000_000)
        try TreeBuilder(path + "/tree").file("big", content, modified: moment)
        let read = Counter()
        let limit = CollectionJournal.prefixStep * 3 / 2
        let broken = try ChangingTree(
            path + "/tree",
            reading: { (_) throws(Fault) in
                read.add(1 << 18)
                if read.value > limit { throw Fault(.unreachable, "host: the connection was lost") }
            }, step: 1 << 18)
        let first = await fault { _ = try await attempt(broken, in: path + "/out", workers: 1) }
        #expect(first?.code == .unreachable)
        try change(path)
        let again = Counter()
        let whole = try ChangingTree(
            path + "/tree", reading: { (_) throws(Fault) in again.add(1 << 18) }, step: 1 << 18)
        let (_, rows) = try await attempt(whole, in: path + "/out", workers: 1)
        let staged = try Directory.open(path + "/out/content").openFile("big")
        let now = try SHA256Hasher.digest(of: FileSource(File.open(path + "/tree/big")))
        return (again.value, try SHA256Hasher.digest(of: FileSource(staged)) == now && rows[0].manifest.sha256 == now)
    }

    @Test("A large file continues where it was")
    func continues() async throws {
        let (read, isRight) = try await large { _ in }
        #expect(isRight)
        #expect(read < CollectionJournal.prefixStep * 2, "\(read) bytes were read again")
    }

    @Test("A large file begins anew when what is staged of it is not what arrived")
    func prefixRotted() async throws {
        let (read, isRight) = try await large { path in
            let file = try Directory.open(path + "/out/content").reopenFile("big")
            try file.seek(to: 1_000_000)
            try file.write([1, 2, 3, 4, 5, 6, 7, 8])
        }
        #expect(isRight && read > CollectionJournal.prefixStep * 2)
    }

    @Test("A large file begins anew when it is another one of the same size and time")
    func otherFile() async throws {
        let (_, isRight) = try await large { path in
            let file = try Directory.open(path + "/tree").reopenFile("big")
            let size = try file.status().size
            let other = [UInt8](repeating: 0x5A, count: 1 << 20)
            for offset in stride(from: Int64(0), to: size - (1 << 20), by: 1 << 20) {
                try file.seek(to: offset)
                try file.write(other)
            }
            try Directory.open(path + "/tree").setModified("big", Timestamp(seconds: 1_700_000_000))
        }
        #expect(isRight)
    }
}
