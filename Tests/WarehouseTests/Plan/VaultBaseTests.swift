import Codec
import Ledger
import Platform
import TestSupport
import Testing
import Vault
import Warehouse

struct VaultBaseTests {
    private let layout = VaultLayout(job: "lake")
    private static let run = CivilDate(dayNumber: 20_000)

    private func put(_ text: String, _ key: ObjectKey, _ store: FileStore) throws {
        let bytes = Array(text.utf8)
        _ = try store.put(
            BytesSource(bytes, name: key.description),
            expecting: ExpectedContent(size: Int64(bytes.count), sha256: SHA256Hasher.digest(of: bytes)), to: key,
            PutOptions(.sidecar))
    }

    /// Puts a manifest that holds a text, with its digest.
    private func put(_ text: String, _ unit: String = "db", run: CivilDate, _ number: Int, _ store: FileStore) throws
        -> Digest256
    {
        try put(text, try layout.manifest(run: run, unit: unit, number: number), store)
        let digest = SHA256Hasher.digest(of: Array(text.utf8))
        try put("\(digest)  x\n", try layout.manifest(run: run, unit: unit, number: number, suffix: ".sha256"), store)
        return digest
    }

    @Test func `the ledger's names are a vault's own only when its manifest has the same bytes`() throws {
        try withTemporaryDirectory { path in
            let store = FileStore(try Directory.open(path))
            let base = Self.run.adding(days: -2)
            func find(_ digest: Digest256?) throws -> VaultBase {
                try VaultBase.find("db", before: Self.run, held: (base, digest), layout, in: store)
            }
            let some = SHA256Hasher.digest(of: [1])
            #expect(try find(some) == .none)
            _ = try put("other", "db.x", run: base, 1, store)
            _ = try put("later", run: Self.run, 1, store)
            #expect(try find(some) == .none, "of another database, and of this run")

            _ = try put("old", run: base.adding(days: -9), 1, store)
            _ = try put("older", run: base.adding(days: -10), 4, store)
            #expect(try find(some) == .own(try layout.manifest(run: base.adding(days: -9), unit: "db", number: 1)))

            let first = try put("first", run: base, 1, store)
            #expect(try find(first) == .ledger)
            #expect(try find(some) == .own(try layout.manifest(run: base, unit: "db", number: 1)))
            #expect(try find(nil) == .own(try layout.manifest(run: base, unit: "db", number: 1)))
            _ = try put("again", run: base, 2, store)
            #expect(try find(first) == .own(try layout.manifest(run: base, unit: "db", number: 2)))
            // One that was killed has put it alone.
            try put("alone", try layout.manifest(run: base, unit: "db", number: 3), store)
            #expect(try find(first) == .own(try layout.manifest(run: base, unit: "db", number: 3)))
        }
    }
}
