import Codec
import Console
import Ledger
import Platform
import Staging
import Vault

/// Copies what the vaults of a job know of its ledger to staging.
struct LedgerRebuild: Sendable {
    let vaults: [OpenVault]
    let layout: VaultLayout
    let job: JobDirectory
    let ledger: LedgerDirectory
    let scratch: Directory
    let clock: Clock
    let isDryRun: Bool
    /// Whether manifests name objects of a warehouse, of which there are too many to be looked for here.
    let isWarehouse: Bool

    /// What came of it.
    struct Result: Codable, Sendable {
        var runs = 0
        /// Manifests that were copied, or would be.
        var manifests = 0
        /// Other files of the ledger that were copied, or would be.
        var others = 0
        /// What staging has already.
        var kept = 0
        /// Legal holds that the vaults tell of and staging did not have.
        var holds = 0
        /// Objects that are on their way out by what the vaults tell.
        var departing = 0
        var bytes: Int64 = 0
        /// Archives that manifests name and the vault does not have as they were.
        var lost: [String] = []
        /// What is not taken since prune has let it go in a vault.
        var remarks: [String] = []
        /// What could not be copied, and why.
        var problems: [String] = []

        func text(isDryRun: Bool) -> String {
            let counts = [
                "\(Figures.count(Int64(manifests), "manifest", "manifests")) of \(Figures.count(Int64(runs), "run", "runs"))",
                Figures.count(Int64(others), "other file", "other files"), Figures.bytes(bytes),
            ]
            var text =
                counts.joined(separator: ", ") + (isDryRun ? " to copy, " : " copied, ")
                + Figures.wereThere(Int64(kept))
            if holds > 0 { text += ", \(Figures.count(Int64(holds), "hold", "holds"))" }
            if departing > 0 { text += ", \(Figures.count(Int64(departing), "object", "objects")) on the way out" }
            if !lost.isEmpty { text += ", \(Figures.count(Int64(lost.count), "archive is", "archives are")) lost" }
            if !problems.isEmpty { text += ", \(Figures.count(Int64(problems.count), "problem", "problems"))" }
            return text
        }
    }

    /// Manifests copied at once: nearly all of it is waiting for answers.
    private static let atOnce = 8

    /// What the listing of a vault tells.
    struct Listing: Sendable {
        /// The numbers of the manifests of each unit in each run.
        var manifests: [CivilDate: [String: [Int]]] = [:]
        /// Everything else in the ledger but digest files of manifests.
        var others: [ObjectKey] = []
        /// Sizes of archives by 64 bits of a keyed hash of their keys: there may be millions.
        var sizes: [Int: Int64] = [:]

        /// Whether an archive or a manifest is there.
        func has(_ key: String, _ layout: VaultLayout) -> Bool {
            guard let manifest = (try? ObjectKey(key)).flatMap({ layout.manifest($0) }) else {
                return sizes[key.hashValue] != nil
            }
            return manifests[manifest.run]?[manifest.unit]?.contains(manifest.number) ?? false
        }
    }

    struct Unit: Sendable {
        var run: CivilDate
        var name: String
        /// Highest first.
        var numbers: [Int]
    }

    /// Copies.
    ///
    /// - Throws: `notFound` when the first vault has no manifest; what keeps everything from being copied.
    func run() throws(Fault) -> Result {
        guard let first = vaults.first else { return Result() }
        var listings: [Listing] = []
        for vault in vaults { listings.append(try list(vault.store)) }
        guard let listing = listings.first, !listing.manifests.isEmpty else {
            throw Fault(
                .notFound, "\(first.store.description): has no manifest of job '\(layout.job)'",
                hint: "Is the vault mounted, and is this its url?")
        }
        let result = Monitor(Result())
        // Before any manifest: what prune may see is held and known to be on its way out already.
        let audit = try replayAudit(listings, result)
        let units = units(listings, audit, result)
        result.with { $0.runs = Set(units.map(\.run)).count }
        let sizes = listing.sizes
        let lost = Monitor<[String: LostObjects.Loss]>([:])
        try ThreadCrew.each(units, atOnce: Self.atOnce, "rebuild") { unit throws(Fault) in
            try copy(unit, first, sizes, audit.retired, lost, result)
        }
        for (vault, listing) in zip(vaults, listings) {
            for key in listing.others { try copyOther(key, vault.store, result) }
        }
        let losses = lost.with { $0 }
        if !isDryRun {
            var known = try ledger.lost()
            known.objects.merge(losses) { $1 }
            try ledger.setLost(known)
        }
        return result.with { result in
            result.lost = losses.keys.sorted()
            result.problems.sort()
            result.remarks.sort()
            return result
        }
    }

    private func list(_ store: any ObjectStore) throws(Fault) -> Listing {
        var listing = Listing()
        let prefix = "\(layout.job)/_ledger/"
        try store.list(prefix: isWarehouse ? prefix : "\(layout.job)/") { key, head in
            try Shutdown.check()
            let text = key.description
            if !text.hasPrefix(prefix) {
                if MemberCodec(ofName: text) != nil { listing.sizes[text.hashValue] = head.size }
            } else if let (run, unit, number) = layout.manifest(key) {
                listing.manifests[run, default: [:]][unit, default: []].append(number)
            } else if !isDigest(text) {
                listing.others.append(key)
            }
        }
        return listing
    }

    /// Whether it is the digest file of a manifest.
    private func isDigest(_ key: String) -> Bool {
        key.hasSuffix(Self.digestSuffix)
            && (try? ObjectKey(String(key.dropLast(Self.digestSuffix.utf8.count)))).flatMap { layout.manifest($0) }
                != nil
    }

    private static let digestSuffix = ".sha256"

    // MARK: Manifests

    /// Copies the newest manifest of a unit that is whole; those that are not are told.
    private func copy(
        _ unit: Unit, _ vault: OpenVault, _ sizes: [Int: Int64], _ retired: Set<String>,
        _ lost: Monitor<[String: LostObjects.Loss]>, _ result: Monitor<Result>
    ) throws(Fault) {
        for number in unit.numbers {
            do throws(Fault) {
                return try copy(unit, number, vault, sizes, retired, lost, result)
            } catch {
                guard [.damaged, .notFound, .changed, .unsupported, .exists].contains(error.code) else { throw error }
                result.with { $0.problems.append("\(unit.name), run \(unit.run): \(error)") }
                // Of a later version's format nobody knows whether an older manifest still holds.
                if error.code == .unsupported || error.code == .exists { return }
            }
        }
    }

    private func copy(
        _ unit: Unit, _ number: Int, _ vault: OpenVault, _ sizes: [Int: Int64], _ retired: Set<String>,
        _ lost: Monitor<[String: LostObjects.Loss]>, _ result: Monitor<Result>
    ) throws(Fault) {
        let key = try layout.manifest(run: unit.run, unit: unit.name, number: number)
        let (source, digest) = try vault.store.open(key).copied(to: scratch)
        try prove(digest, key, vault.store)
        let losses = try check(source, sizes, vault)
        let name = LedgerDirectory.fileName(unit: unit.name, number: number)
        let isRetired = retired.contains(key.description)
        // What it names may be gone already, and no run builds on it.
        if !isRetired { lost.with { $0.merge(losses) { $1 } } }
        let directory =
            try isRetired
            ? ledger.retiredDirectory(of: unit.run, makes: !isDryRun)
            : isDryRun ? ledger.existingDirectory(of: unit.run) : ledger.directory(of: unit.run)
        if let directory, try keeps(ByteString(name), digest, in: directory) {
            return result.with { $0.kept += 1 }
        }
        if let directory, !isDryRun {
            let text = Array("\(digest)  \(name)\n".utf8)
            try PendingFile.write(text, to: ByteString(name + Self.digestSuffix), in: directory)
            try write(source, to: ByteString(name), in: directory)
        }
        result.with { result in
            result.manifests += 1
            result.bytes += source.size
        }
    }

    /// Compares with the digest file beside a manifest, where there is one.
    private func prove(_ digest: Digest256, _ key: ObjectKey, _ store: any ObjectStore) throws(Fault) {
        // An attempt that was killed put the manifest alone; what it holds is checked by its own sums.
        guard let told = try layout.digestText(ofManifest: key, in: store) else { return }
        guard Digest256(hex: told.prefix(64)) == digest else {
            throw Fault(
                .damaged, "\(store.description)/\(key): has SHA-256 \(digest), and its digest file tells another")
        }
    }

    /// Reads a manifest to its end, and looks for the archives that it names; objects of a warehouse are for verify.
    private func check(_ source: FileSource, _ sizes: [Int: Int64], _ vault: OpenVault) throws(Fault)
        -> [String: LostObjects.Loss]
    {
        var ends: [String: Int64] = [:]
        let reader = try ManifestReader(source)
        while let row = try reader.next() {
            guard !row.object.isEmpty, !isWarehouse else { continue }
            ends[row.object] = max(ends[row.object] ?? 0, row.range?.upperBound ?? 0)
        }
        var losses: [String: LostObjects.Loss] = [:]
        for (object, end) in ends {
            let size = sizes[object.hashValue]
            if let size, size >= end { continue }
            let why = size.map { "has \($0) bytes, and the entries in it go up to \(end)" } ?? "is not in the vault"
            losses[object] = LostObjects.Loss(vault: vault.name, why: why, noticed: clock.now().rfc3339)
        }
        return losses
    }

    // MARK: Files

    private func write(_ source: FileSource, to name: ByteString, in directory: Directory) throws(Fault) {
        let pending = try PendingFile(name, in: directory)
        try source.forEachPiece(length: source.size, using: Buffer(capacity: 1 << 20)) { piece throws(Fault) in
            try pending.file.write(piece)
        }
        try pending.commit()
    }

    /// Whether a file is there already with the same bytes.
    ///
    /// - Throws: `exists` for one with others, which is left alone.
    private func keeps(_ name: ByteString, _ digest: Digest256, in directory: Directory) throws(Fault) -> Bool {
        guard try directory.exists(name) else { return false }
        guard try SHA256Hasher.digest(of: FileSource(try directory.openFile(name))) == digest else {
            throw Fault(
                .exists, "\(directory.path(of: name)): is there with other bytes than in the vault, and left alone",
                hint: "Find out which one is right; move this one away to have the vault's.")
        }
        return true
    }

    /// Copies what is no manifest, such as the audit log.
    private func copyOther(_ key: ObjectKey, _ store: any ObjectStore, _ result: Monitor<Result>) throws(Fault) {
        let path = Array(key.components.dropFirst(2))
        guard let name = path.last else { return }
        do throws(Fault) {
            let (source, digest) = try store.open(key).copied(to: scratch)
            if let directory = try ledger.directory(at: path.dropLast(), makes: !isDryRun) {
                if try keeps(name, digest, in: directory) { return result.with { $0.kept += 1 } }
                if !isDryRun { try write(source, to: name, in: directory) }
            }
            result.with { result in
                result.others += 1
                result.bytes += source.size
            }
        } catch {
            guard [.damaged, .notFound, .changed, .exists].contains(error.code) else { throw error }
            result.with { $0.problems.append("\(key): \(error)") }
        }
    }
}
