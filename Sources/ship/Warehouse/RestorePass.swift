import AWS
import Ledger
import Logging
import Platform
import Staging
import Vault
import Warehouse

/// Goes through rows of a manifest, many at once: looks at what is held of them, asks for what can't be read, or copies them
/// back.
struct RestorePass: Sendable {
    enum Work: Sendable {
        /// Tells what would have to be thawed.
        case look
        /// Asks for that.
        case ask
        /// Copies what can be read, and asks for what can't.
        case copy
    }

    /// Where things go.
    struct Target: Sendable {
        /// As it was told.
        var name: String
        var client: S3Client
        /// What the keys get in front.
        var prefix: ByteString
        /// True to replace what is there with other content.
        var isReplacing: Bool
    }

    private let work: Work
    private let vault: BucketVault
    /// Nothing where that is not told.
    private let target: Target?
    private let thaw: ThawRequest
    /// Whether whatever is archived may be asked for, though no look has told it.
    private let isConfirmed: Bool
    /// Whether a further pass tells the same faults.
    private let isQuiet: Bool

    init(
        _ work: Work, _ vault: BucketVault, to target: Target?, _ thaw: ThawRequest, isConfirmed: Bool,
        isQuiet: Bool = false
    ) {
        self.work = work
        self.isConfirmed = isConfirmed
        self.isQuiet = isQuiet
        self.vault = vault
        self.target = target
        self.thaw = thaw
    }

    /// The classes of which objects may have to be thawed; a manifest that tells none may mean any.
    private static let coldClasses: Set = ["GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING", ""]

    func run(
        threads: Int, log: Logger, _ open: () throws(Fault) -> ManifestReader, selecting selects: (Manifest.Row) -> Bool
    ) throws(Fault) -> RestoreTotals {
        let queue = BoundedQueue<Manifest.Row>(capacity: threads * 2)
        let totals = Monitor(RestoreTotals())
        let uploads = LargeCopies()
        let crew = ThreadCrew { queue.cancel() }
        for number in 0..<threads {
            try crew.start("restore-\(number)") {
                while let row = queue.pop() {
                    try Shutdown.check()
                    do throws(Fault) {
                        let made = try restore(row, uploads)
                        totals.with { $0 += made }
                    } catch {
                        if error.code == .interrupted { throw error }
                        log.tell(
                            isQuiet ? .debug : .error, "\(row.entry.key): not restored: \(error)", hint: error.hint)
                        totals.with { $0.failed += 1 }
                    }
                }
            }
        }
        let reader: ManifestReader
        do throws(Fault) {
            reader = try open()
            while let row = try reader.next() {
                guard selects(row) else { continue }
                if row.object.isEmpty {
                    totals.with { $0.notKept += 1 }
                } else if work != .copy, !Self.coldClasses.contains(row.storageClass) {
                    continue
                } else if !queue.push(row) {
                    break
                }
            }
        } catch {
            crew.failed(error)
        }
        queue.close()
        try crew.join()
        return totals.with { $0 }
    }

    private func restore(_ row: Manifest.Row, _ uploads: LargeCopies) throws(Fault) -> RestoreTotals {
        var totals = RestoreTotals()
        let (client, key) = try vault.places.place(ByteString(row.object))
        guard let held = try client.head(key) else {
            throw Fault(.notFound, "\(client.name(key)): is not in the vault")
        }
        guard held.size == row.entry.size else {
            throw Fault(.damaged, "\(client.name(key)): has \(held.size) bytes, the manifest says \(row.entry.size)")
        }
        // Nothing was lost where the object of the run is there still.
        if let target, try isThere(row, target) {
            totals.kept = 1
            return totals
        }
        if let target, work == .copy { return try copy(row, from: client, key, held, to: target, uploads) }
        switch try vault.store.readability(held, at: key, in: client) {
        case .readable, .thawed: break
        case .thawing: totals.waiting = 1
        case .archived:
            totals.waiting = 1
            if work == .ask { return try ask(client, key, held) }
            totals.archived[held.archiveStatus ?? held.storageClass] = .init(objects: 1, bytes: held.size)
        }
        return totals
    }

    private func isThere(_ row: Manifest.Row, _ target: Target) throws(Fault) -> Bool {
        let place = target.prefix + row.entry.key
        guard place.count <= DestinationKeys.longest else {
            throw Fault(
                .limit, "\(target.client.name(place)): the key would have more than \(DestinationKeys.longest) bytes")
        }
        guard let there = try target.client.head(place) else { return false }
        return there.size == row.entry.size && there.etag == row.entry.etag
    }

    private func copy(
        _ row: Manifest.Row, from client: S3Client, _ key: ByteString, _ held: S3ObjectInfo, to target: Target,
        _ uploads: LargeCopies
    ) throws(Fault) -> RestoreTotals {
        var totals = RestoreTotals()
        let place = target.prefix + row.entry.key
        let item = CopyItem(key: key, size: held.size, etag: held.etag, storageClass: "STANDARD")
        let outcome = try ObjectCopier(from: client, to: target.client)
            .copy(item, to: place, uploads: uploads, isReplacing: target.isReplacing)
        switch outcome {
        case .copied: (totals.restored, totals.bytes) = (1, held.size)
        case .adopted: totals.kept = 1
        case .taken:
            throw Fault(
                .exists, "\(target.client.name(place)): other content is there already",
                hint: "With --force it is replaced; with --to s3://BUCKET/PREFIX all goes to another place.")
        case .archived:
            guard isConfirmed || Self.coldClasses.contains(row.storageClass) else {
                throw Fault(
                    .limit,
                    "\(client.name(key)): is in \(held.archiveStatus ?? held.storageClass), and the manifest says \(row.storageClass)",
                    hint: "Somebody has moved it: what that costs was not told. With --yes it is thawed all the same.")
            }
            return try ask(client, key, held)
        case .vanished, .changed: throw Fault(.changed, "\(client.name(key)): has changed while it was restored")
        }
        return totals
    }

    private func ask(_ client: S3Client, _ key: ByteString, _ held: S3ObjectInfo) throws(Fault) -> RestoreTotals {
        var totals = RestoreTotals()
        // An object of Intelligent-Tiering moves back for good.
        let days = held.archiveStatus == nil ? thaw.days : nil
        switch try client.restore(key, days: days, tier: thaw.tier.word) {
        case .requested: (totals.waiting, totals.requested) = (1, 1)
        case .underWay: totals.waiting = 1
        case .available, .notNeeded: if work == .copy { totals.waiting = 1 }
        }
        return totals
    }
}
