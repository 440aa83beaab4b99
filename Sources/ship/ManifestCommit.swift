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
    let clock: Clock
    /// The attempt that commits; what it has shipped itself it has looked at.
    let attempt: String
    /// What the records on staging tell of an archive in a vault, by its run and key; nothing where none does.
    let shipped: (_ run: String, _ key: ObjectKey, _ vault: OpenVault) throws(Fault) -> Shipped?
    /// Takes back what was on its way out of a vault.
    let rescue: (_ key: ObjectKey, _ vault: OpenVault) throws(Fault) -> Void

    /// An archive as its record tells of it, and the attempt that wrote the record once the vault's copy was proved.
    struct Shipped {
        var output: UnitRecord.Output
        var attempt: String
    }

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

    /// - Throws: `damaged` when an entry is in no archive, or an archive that holds one is not in the vault, or another.
    func build(_ list: FileSource, shares: [ManifestBuilder.Share], vault: OpenVault) throws(Fault) -> Built {
        let file = try scratch.unnamedFile()
        let writer = try ManifestWriter(file)
        try ManifestBuilder(host: host, run: run.description)
            .build(list: try EntryListReader(list), shares: shares, into: writer)
        let digest = try writer.finish()
        let built = Built(source: try FileSource(file), sha256: digest, entries: writer.count)
        try checkObjects(built, vault)
        return built
    }

    /// An archive that the manifest refers to: the first entry in it, and where the last byte of an entry must be.
    private struct Reference {
        var entry: ByteString
        var run: String
        var end: Int64
    }

    /// Looks for every archive that the manifest refers to: carry was decided when the host was collected, and a record of
    /// an earlier attempt may be older than what has become of the vault since.
    private func checkObjects(_ built: Built, _ vault: OpenVault) throws(Fault) {
        var references: [String: Reference] = [:]
        let reader = try ManifestReader(built.source)
        while let row = try reader.next() {
            guard !row.object.isEmpty else { continue }
            let end = row.range?.upperBound ?? 0
            if let known = references[row.object]?.end {
                references[row.object]?.end = max(known, end)
            } else {
                references[row.object] = Reference(entry: row.entry.key, run: row.run, end: end)
            }
        }
        // Before they are looked at: prune may have come between the decision to carry from them and now.
        var named: [(key: ObjectKey, reference: Reference, shipped: Result<Shipped?, Fault>)] = []
        for (object, reference) in references.sorted(by: { $0.key < $1.key }) {
            let key = try ObjectKey(object)
            try Shutdown.check()
            try rescue(key, vault)
            named.append((key, reference, Result { () throws(Fault) in try shipped(reference.run, key, vault) }))
        }
        let heads = try vault.store.heads(of: named.filter { !isOwn($0.shipped) }.map(\.key))
        var lost = try ledger.lost()
        let before = lost
        var first: Fault?
        for (key, reference, shipped) in named {
            let object = key.description
            do throws(Fault) {
                let known = try shipped.get()?.output
                let found = isOwn(shipped) ? known.map { Found($0) } : try heads[key]?.found.map { Found($0) }
                try check(key, found, known, reference, vault)
                // Another vault of the job may still lack it.
                if lost.objects[object]?.vault == vault.name { lost.objects[object] = nil }
            } catch {
                guard error.code == .damaged else { throw error }
                first = first ?? error
                // What this run has made is shipped again by it.
                guard reference.run != run.description else { continue }
                lost.objects[object] = LostObjects.Loss(
                    vault: vault.name, why: error.message, noticed: clock.now().rfc3339)
            }
        }
        // From now on nothing is carried from them; the manifest of this run can't have what carries from them already.
        if lost.keys != before.keys { try ledger.setLost(lost) }
        if let first { throw first }
    }

    /// Whether this very attempt has shipped an archive, and proved the vault's copy.
    private func isOwn(_ shipped: Result<Shipped?, Fault>) -> Bool { (try? shipped.get())?.attempt == attempt }

    /// What an archive is in the vault.
    private struct Found {
        var size: Int64
        var sha256: Digest256?

        init(_ head: ObjectHead) { (size, sha256) = (head.size, head.sha256) }
        init(_ output: UnitRecord.Output) { (size, sha256) = (output.size, output.sha256) }
    }

    private func check(
        _ key: ObjectKey, _ found: Found?, _ known: UnitRecord.Output?, _ reference: Reference, _ vault: OpenVault
    ) throws(Fault) {
        let isCarried = reference.run != run.description
        let what = "\(host): '\(reference.entry)'" + (isCarried ? " is carried from run \(reference.run)" : "")
        let ship = "'ship \(layout.job) --run \(reference.run) --force'"
        let collect = "'collect \(layout.job) --run \(run) --only \(host) --force'"
        guard let found else {
            throw Fault(
                .damaged, "\(what), but \(vault.store.description) has no '\(key)'",
                hint: isCarried
                    ? "Run \(ship), which puts it there again; where staging has that run no more, \(collect) takes it anew, then pack and ship."
                    : "Run \(ship), which puts it there again.")
        }
        var difference: String?
        if let known, found.size != known.size {
            difference = "has \(found.size) bytes, shipped were \(known.size)"
        } else if found.size < reference.end {
            difference = "has \(found.size) bytes, and the entries in it go up to \(reference.end)"
        } else if let known, let sha256 = found.sha256, sha256 != known.sha256 {
            difference = "has SHA-256 \(sha256), shipped was \(known.sha256)"
        }
        guard let difference else { return }
        throw Fault(
            .damaged, "\(what), but '\(key)' in \(vault.store.description) is not what was shipped: it \(difference)",
            hint: isCarried
                ? "Move it away and run \(ship), which puts it there again; where staging has that run no more, \(collect) takes it anew, then pack and ship."
                : "Run \(ship), which ships it under another key.")
    }

    /// Puts the manifest under the first number that is free, or adopts the highest one when it has the same bytes.
    func put(_ built: Built, into open: OpenVault) throws(Fault) -> Output {
        let vault = open.store
        let expected = ExpectedContent(size: built.size, sha256: built.sha256)
        let inVault = try layout.newestManifest(of: host, run: run, in: vault) ?? 0
        if inVault > 0 {
            let key = try layout.manifest(run: run, unit: host, number: inVault)
            do {
                let evidence = try vault.adopt(key, expecting: expected, PutOptions(.sidecar))
                try rescue(key, open)
                try putDigest(built, number: inVault, vault)
                return Output(key: key, number: inVault, evidence: evidence)
            } catch {
                guard error.code == .damaged || error.code == .changed else { throw error }
            }
        }
        let inLedger = try ledger.units(of: run)[host] ?? 0
        let number = max(inVault, inLedger) + 1
        let key = try layout.manifest(run: run, unit: host, number: number)
        let receipt = try vault.put(built.source, expecting: expected, to: key, PutOptions(.sidecar))
        try putDigest(built, number: number, vault)
        return Output(key: key, number: number, evidence: receipt.evidence)
    }

    private func digestText(_ built: Built, number: Int) -> [UInt8] {
        Array("\(built.sha256)  \(LedgerDirectory.fileName(unit: host, number: number))\n".utf8)
    }

    private func putDigest(_ built: Built, number: Int, _ vault: any ObjectStore) throws(Fault) {
        let key = try layout.manifest(run: run, unit: host, number: number, suffix: ArchiveName.digestSuffix)
        let text = digestText(built, number: number)
        do {
            _ = try vault.put(
                BytesSource(text, name: key.description),
                expecting: ExpectedContent(size: Int64(text.count), sha256: SHA256Hasher.digest(of: text)), to: key,
                PutOptions(.sidecar))
        } catch {
            // Of the same manifest, so what is there is the same.
            guard error.code == .exists else { throw error }
        }
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

extension Result<ObjectHead, Fault> {
    /// The head; nothing of an object that is not there.
    fileprivate var found: ObjectHead? {
        get throws(Fault) {
            switch self {
            case .success(let head): return head
            case .failure(let fault):
                if fault.code == .notFound { return nil }
                throw fault
            }
        }
    }
}
