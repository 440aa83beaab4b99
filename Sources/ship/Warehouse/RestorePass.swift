import AWS
import Ledger
import Logging
import Platform
import Vault
import Warehouse

/// What came of a restore.
struct RestoreTotals: Codable, Sendable {
    var restored: Int64 = 0
    var kept: Int64 = 0
    var bytes: Int64 = 0
    /// Not readable yet.
    var waiting: Int64 = 0
    /// Of these, asked for by this call.
    var requested: Int64 = 0
    var failed: Int64 = 0
    /// What the run has only the name of.
    var notKept: Int64 = 0

    static func += (left: inout RestoreTotals, right: RestoreTotals) {
        left.restored += right.restored
        left.kept += right.kept
        left.bytes += right.bytes
        left.waiting += right.waiting
        left.requested += right.requested
        left.failed += right.failed
        left.notKept += right.notKept
    }
}

/// Copies rows of a manifest back, many at once; what can't be read yet is asked for.
struct RestorePass: Sendable {
    private let places: CopyPlaces
    private let target: S3Client
    private let prefix: ByteString
    private let isReplacing: Bool
    private let tier: String
    private let days: Int

    init(_ places: CopyPlaces, to target: S3Client, prefix: ByteString, isReplacing: Bool, tier: String, days: Int) {
        self.places = places
        self.target = target
        self.prefix = prefix
        self.isReplacing = isReplacing
        self.tier = tier
        self.days = days
    }

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
                        log.error("\(row.entry.key): not restored: \(error)\(error.hint.map { " HINT: \($0)" } ?? "")")
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
        let (vault, key) = try places.place(ByteString(row.object))
        guard let held = try vault.head(key) else {
            throw Fault(.notFound, "\(vault.name(key)): is not in the vault")
        }
        guard held.size == row.entry.size else {
            throw Fault(.damaged, "\(vault.name(key)): has \(held.size) bytes, the manifest says \(row.entry.size)")
        }
        let place = prefix + row.entry.key
        guard place.count <= DestinationKeys.longest else {
            throw Fault(.limit, "\(target.name(place)): the key would have more than \(DestinationKeys.longest) bytes")
        }
        // Nothing was lost where the object of the run is there still.
        if let there = try target.head(place), there.size == row.entry.size, there.etag == row.entry.etag {
            totals.kept = 1
            return totals
        }
        let item = CopyItem(key: key, size: held.size, etag: held.etag, storageClass: "STANDARD")
        let outcome = try ObjectCopier(from: vault, to: target)
            .copy(item, to: place, uploads: uploads, isReplacing: isReplacing)
        switch outcome {
        case .copied: (totals.restored, totals.bytes) = (1, held.size)
        case .adopted: totals.kept = 1
        case .taken:
            throw Fault(
                .exists, "\(target.name(place)): other content is there already",
                hint: "With --force it is replaced; with --to s3://BUCKET/PREFIX all goes to another place.")
        case .archived:
            totals.waiting = 1
            if try vault.restore(key, days: days, tier: tier) == .requested { totals.requested = 1 }
        case .vanished, .changed: throw Fault(.changed, "\(vault.name(key)): has changed while it was restored")
        }
        return totals
    }
}
