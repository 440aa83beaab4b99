import Archive
import Codec
import Ledger
import Platform
import Vault

/// Builds a host's manifest, puts it into vaults under the next number, and commits it to the ledger on staging.
struct ManifestCommit {
    let host: String
    let run: CivilDate
    let layout: VaultLayout
    let ledger: LedgerDirectory
    let scratch: Directory

    /// A manifest in a file without a name.
    struct Built {
        var source: FileSource
        var sha256: Digest256
        var entries: Int64
        var size: Int64 { source.size }
    }

    struct Output {
        var key: ObjectKey
        var number: Int
        var evidence: Evidence
    }

    /// - Throws: `damaged` when an entry is in no archive, or a carried object is not in the vault any more.
    func build(_ list: FileSource, shares: [ManifestBuilder.Share], vault: any ObjectStore) throws(Fault) -> Built {
        let file = try scratch.unnamedFile()
        let writer = try ManifestWriter(file)
        try ManifestBuilder(host: host, run: run.description)
            .build(list: try EntryListReader(list), shares: shares, into: writer)
        let digest = try writer.finish()
        let built = Built(source: try FileSource(file), sha256: digest, entries: writer.count)
        try checkCarried(built, vault)
        return built
    }

    /// Carry was decided when the host was collected; what it refers to must still be there now.
    private func checkCarried(_ built: Built, _ vault: any ObjectStore) throws(Fault) {
        let reader = try ManifestReader(built.source)
        var known: Set<String> = []
        while let row = try reader.next() {
            guard !row.object.isEmpty, row.run != run.description, known.insert(row.object).inserted else { continue }
            guard try vault.head(try ObjectKey(row.object)) != nil else {
                throw Fault(
                    .damaged,
                    "\(host): '\(row.entry.key)' is carried from run \(row.run), but \(vault.description) has no '\(row.object)' any more",
                    hint:
                        "Run 'collect \(layout.job) --run \(run) --only \(host) --force' to take it anew, then pack and ship."
                )
            }
        }
    }

    /// Puts the manifest under the first number that is free, or adopts the highest one when it has the same bytes.
    func put(_ built: Built, vault: any ObjectStore) throws(Fault) -> Output {
        let expected = ExpectedContent(size: built.size, sha256: built.sha256)
        let inVault = try layout.manifests(in: vault, run: run).first?.units[host] ?? 0
        if inVault > 0 {
            let key = try layout.manifest(run: run, unit: host, number: inVault)
            do {
                let evidence = try vault.verify(key, expecting: expected)
                try putDigest(built, number: inVault, vault)
                return Output(key: key, number: inVault, evidence: evidence)
            } catch {
                guard error.code == .damaged || error.code == .changed else { throw error }
            }
        }
        let inLedger = try ledger.units(of: run)[host] ?? 0
        let number = max(inVault, inLedger) + 1
        let key = try layout.manifest(run: run, unit: host, number: number)
        let receipt = try vault.put(built.source, expecting: expected, to: key, PutOptions())
        try putDigest(built, number: number, vault)
        return Output(key: key, number: number, evidence: receipt.evidence)
    }

    private func digestText(_ built: Built, number: Int) -> [UInt8] {
        Array("\(built.sha256)  \(LedgerDirectory.fileName(unit: host, number: number))\n".utf8)
    }

    private func putDigest(_ built: Built, number: Int, _ vault: any ObjectStore) throws(Fault) {
        let key = try layout.manifest(run: run, unit: host, number: number, suffix: ArchiveName.digestSuffix)
        guard try vault.head(key) == nil else { return }
        let text = digestText(built, number: number)
        _ = try vault.put(
            BytesSource(text, name: key.description),
            expecting: ExpectedContent(size: Int64(text.count), sha256: SHA256Hasher.digest(of: text)), to: key,
            PutOptions())
    }

    /// Puts a copy beside the other manifests on staging: from now on the next run may carry what it lists.
    func commitToLedger(_ built: Built, number: Int) throws(Fault) {
        let directory = try ledger.directory(of: run)
        let name = LedgerDirectory.fileName(unit: host, number: number)
        let pending = try PendingFile(ByteString(name), in: directory)
        let buffer = Buffer(capacity: 1 << 20)
        var offset: Int64 = 0
        while offset < built.size {
            buffer.count = try built.source.read(into: buffer.bytes, at: offset)
            guard buffer.count > 0 else { throw Fault(.changed, "\(built.source.name): is shorter than written") }
            try pending.file.write(buffer.contents)
            offset += Int64(buffer.count)
        }
        try PendingFile.write(
            digestText(built, number: number), to: ByteString(name + ArchiveName.digestSuffix), in: directory)
        try pending.commit()
    }
}
