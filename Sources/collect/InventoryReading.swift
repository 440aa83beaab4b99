import AWS
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// The inventories of one run, found, waited for, and read to their last byte.
struct InventoryReading {
    let objects: InventoryObjects
    private let found: [InventorySearch.Found]

    /// Finds and reads; an inventory that turns out to be torn is passed over where a later one is there.
    ///
    /// - Throws: `tryLater` when none is there yet; `damaged` when none is complete after the wait.
    init(_ collection: WarehouseCollection, _ date: CivilDate) throws(Fault) {
        let (warehouse, context) = (collection.warehouse, collection.context)
        let earliest = InventoryCalendar.earliest(run: date, lagDays: warehouse.lag.days)
        var searches: [(search: InventorySearch, bucket: S3Client)] = []
        for place in warehouse.inventories {
            var settings = warehouse.source
            settings.bucket = place.bucket
            let client = try OpenVault.bucketClient(settings, requests: warehouse.partsAtOnce + 8, log: context.log)
            searches.append(
                (
                    InventorySearch(
                        client, place, source: warehouse.source.bucket, atOnce: warehouse.partsAtOnce), client
                ))
        }
        var rejected: [Set<ByteString>] = searches.map { _ in [] }
        var torn: Fault?
        while true {
            var found: [InventorySearch.Found] = []
            for (index, one) in searches.enumerated() {
                do throws(Fault) {
                    // Where one was torn, a later one is there or is not.
                    let wait = InventoryWait(seconds: torn == nil ? collection.patience : 0)
                    found.append(
                        try wait.run(onPause: { fault, pause in
                            context.log.info("\(fault); looking again in \(Int(pause.rounded(.up))) s")
                        }) { () throws(Fault) in
                            try one.search.find(
                                earliest: earliest, now: context.clock.now(), rejected: rejected[index])
                        })
                } catch {
                    throw torn ?? error
                }
            }
            do throws(Fault) {
                objects = try Self.read(found, searches.map(\.bucket), warehouse, context.staging.scratch)
                self.found = found
                return
            } catch {
                // Damage that reading finds is not told of by any listing, so the wait would not end it.
                guard error.code == .damaged || error.code == .notFound || error.code == .changed else { throw error }
                context.log.error("\(error)")
                torn =
                    torn
                    ?? error.hinting(
                        "The next complete inventory is taken when it is there; run the command again then.")
                for (index, one) in found.enumerated() where Self.names(error, one) { rejected[index].insert(one.key) }
                if !found.contains(where: { Self.names(error, $0) }) { throw error }
            }
        }
    }

    /// Whether a fault is of a file of this inventory.
    private static func names(_ fault: Fault, _ found: InventorySearch.Found) -> Bool {
        found.report.parts.contains { fault.message.contains($0.key.description) }
    }

    private static func read(
        _ found: [InventorySearch.Found], _ buckets: [S3Client], _ warehouse: WarehouseSettings, _ scratch: Directory
    ) throws(Fault) -> InventoryObjects {
        var files: [InventoryObjects.File] = []
        for (one, bucket) in zip(found, buckets) {
            for part in one.report.parts {
                files.append(.init(part, of: one.report) { () throws(Fault) in try bucket.open(part.key) })
            }
        }
        return try InventoryObjects(files, atOnce: warehouse.partsAtOnce, scratch: scratch)
    }

    /// The inventories, for messages.
    var names: [String] { found.map(\.url) }
    /// Inventories that are not complete though a later one is.
    var passedOver: [String] { found.flatMap { $0.passedOver.map { "passed over: \($0)" } } }
    /// Whether every row tells its version: without a word an object's version would be taken for none.
    var hasVersions: Bool { found.allSatisfy { $0.report.schema.hasVersions } }

    /// What a list was made from: the manifests with their ETags.
    var inputs: [String: String] {
        Dictionary(found.map { ("inventory \($0.url)", $0.etag) }, uniquingKeysWith: { one, _ in one })
    }

    /// Keeps the manifests that were used beside the lists.
    func keepEvidence(in directory: Directory) throws(Fault) {
        let evidence = try directory.descendCreating(["_inventory"])
        for (index, one) in found.enumerated() {
            try PendingFile.write(one.manifest, to: ByteString("\(index + 1).manifest.json"), in: evidence)
            try PendingFile.write(one.checksum, to: ByteString("\(index + 1).manifest.checksum"), in: evidence)
        }
    }
}
