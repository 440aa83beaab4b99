import Codec
package import Platform
package import Settings

/// Looks for the inventory of a run: the first complete one that was begun at a given moment or later.
package struct InventorySearch: Sendable {
    /// An inventory that is there with all of its files.
    package struct Found: Sendable {
        /// The key of its manifest.
        package var key: ByteString
        /// `s3://BUCKET/KEY` of it.
        package var url: String
        package var etag: String
        package var manifest: [UInt8]
        package var checksum: [UInt8]
        package var report: InventoryReport
        /// Inventories before it that are not complete, and what each lacks.
        package var passedOver: [String]
    }

    let bucket: any InventoryBucket
    let place: WarehouseSettings.InventoryPlace
    private let source: String
    private let atOnce: Int

    /// How many days behind the first possible one are looked at.
    private static let horizon = 400
    /// How many of the newest inventories are looked at for one that is there.
    private static let lookedBack = 8
    private static let manifestName = "manifest.json"
    private static let checksumName = "manifest.checksum"

    /// - Parameters:
    ///   - bucket: where inventories arrive.
    ///   - place: where in it.
    ///   - source: the bucket that is listed.
    ///   - atOnce: how many files are looked at at the same time.
    package init(
        _ bucket: any InventoryBucket, _ place: WarehouseSettings.InventoryPlace, source: String, atOnce: Int
    ) {
        self.bucket = bucket
        self.place = place
        self.source = source
        self.atOnce = atOnce
    }

    /// Looks once.
    ///
    /// - Parameters:
    ///   - earliest: when it may have been begun.
    ///   - now: no day after it is looked at.
    ///   - rejected: the keys of manifests whose inventories turned out to be torn when they were read.
    /// - Returns: the inventory.
    /// - Throws: `tryLater` where none is there yet; `damaged` where none is complete, naming what is missing; `settings` where it never can be;
    ///   `unsupported` for an inventory in another format than CSV.
    package func find(earliest: Timestamp, now: Timestamp, rejected: Set<ByteString> = []) throws(Fault) -> Found {
        var lacks: [String] = []
        var unfit: Fault?
        let first = InventoryCalendar.day(of: earliest)
        let last = min(InventoryCalendar.day(of: now), first.adding(days: Self.horizon))
        var day = first
        while day <= last {
            try Shutdown.check()
            for directory in try directories(of: day, earliest: earliest) {
                let key = ByteString("\(place.prefix)/\(directory)/\(Self.manifestName)")
                if rejected.contains(key) { continue }
                do throws(Fault) {
                    switch try look(directory, key, earliest) {
                    case .complete(var found):
                        found.passedOver = lacks
                        return found
                    case .lacks(let what): lacks.append("\(directory): \(what)")
                    case .other: continue
                    }
                } catch {
                    // Once its configuration is put right, a later one can be read.
                    guard error.code == .unsupported else { throw error }
                    lacks.append("\(directory): \(error.message)")
                    unfit = error
                }
            }
            day = day.adding(days: 1)
        }
        if let unfit { throw unfit }
        if lacks.isEmpty { try explainAbsence() }
        guard let latest = lacks.last else {
            throw Fault(
                .tryLater, "\(place): no inventory that was begun at \(earliest.rfc3339) or later is there yet",
                hint: "Inventories come once a day or a week, up to 48 hours late; the same command later goes on.")
        }
        throw Fault(
            .damaged, "\(place): the inventory is not complete: \(latest)",
            hint: "It is taken when all of it has arrived; until then the same command can be run again.")
    }

    /// Looks for the newest inventory that is there, as far as its own documents and its first file tell.
    ///
    /// - Returns: its manifest, and what a newer one lacks that has not arrived as a whole.
    /// - Throws: `notFound` where no inventory ever arrived; `damaged` where the last ones are not complete; what
    ///   ``find(earliest:now:rejected:)`` throws.
    package func newest() throws(Fault) -> (url: String, createdAt: Timestamp, lacks: String?) {
        var names: Set<String> = []
        let prefix = place.prefix + "/"
        // The names begin with a year; data files lie beside them, below another name.
        try bucket.list(prefix: prefix + "2") { key in
            let rest = String(decoding: key.bytes.dropFirst(prefix.utf8.count), as: UTF8.self)
            let name = rest.prefix { $0 != "/" }
            if InventoryCalendar.moment(ofDirectory: name) != nil { names.insert(String(name)) }
        }
        var lacks: String?
        for directory in names.sorted(by: >).prefix(Self.lookedBack) {
            let key = ByteString("\(place.prefix)/\(directory)/\(Self.manifestName)")
            switch try look(directory, key, Timestamp(seconds: 0), isWhole: false) {
            case .complete(let found): return (found.url, found.report.createdAt, lacks)
            case .lacks(let what): lacks = lacks ?? "\(directory): \(what)"
            case .other: continue
            }
        }
        if names.isEmpty { try explainAbsence() }
        if let lacks { throw Fault(.damaged, "\(place): the newest inventories are not complete: \(lacks)") }
        throw Fault(
            .notFound, "\(place): no inventory has arrived there",
            hint: "'ship setup' prints the configuration of the inventory; the first one comes within 48 hours.")
    }

    private enum Look {
        case complete(Found)
        case lacks(String)
        case other
    }

    /// The directories of inventories that are named for a day, oldest first.
    private func directories(of day: CivilDate, earliest: Timestamp) throws(Fault) -> [String] {
        var names: Set<String> = []
        let prefix = place.prefix + "/"
        try bucket.list(prefix: "\(prefix)\(day)T") { key in
            let rest = String(decoding: key.bytes.dropFirst(prefix.utf8.count), as: UTF8.self)
            let name = rest.prefix { $0 != "/" }
            // The manifest tells when it was begun to the millisecond, the name to the minute.
            if let moment = InventoryCalendar.moment(ofDirectory: name), moment.seconds + 60 > earliest.seconds {
                names.insert(String(name))
            }
        }
        return names.sorted()
    }

    /// Looks at one inventory, at all of its files or at the first alone.
    private func look(_ directory: String, _ key: ByteString, _ earliest: Timestamp, isWhole: Bool = true) throws(Fault)
        -> Look
    {
        let checksumKey = ByteString("\(place.prefix)/\(directory)/\(Self.checksumName)")
        // It comes last, when everything else is there (S3 user guide).
        guard let checksum = try bucket.read(checksumKey, limit: 1_024) else {
            return .lacks("\(Self.checksumName) is missing")
        }
        guard let manifest = try bucket.read(key, limit: InventoryReport.longestDocument) else {
            return .lacks("\(Self.manifestName) is missing")
        }
        let url = "\(bucket.name)/\(key)"
        let report: InventoryReport
        do { report = try InventoryReport(manifest.bytes, checksum: checksum.bytes, name: url) } catch {
            guard error.code == .damaged else { throw error }
            return .lacks(error.message)
        }
        guard report.sourceBucket == source else {
            throw Fault(
                .settings, "\(url): is an inventory of bucket '\(ByteString(report.sourceBucket))', not of '\(source)'",
                hint: "Correct 'inventory' or 'source' of the job.")
        }
        if report.createdAt < earliest { return .other }
        if let missing = try missingPart(isWhole ? report.parts[...] : report.parts.prefix(1)) {
            return .lacks(missing)
        }
        return .complete(
            Found(
                key: key, url: url, etag: manifest.etag, manifest: manifest.bytes, checksum: checksum.bytes,
                report: report, passedOver: []))
    }

    // MARK: The files of an inventory

    /// The first file that is not there, or not of its size; several are looked at at the same time.
    private func missingPart(_ parts: ArraySlice<InventoryReport.Part>) throws(Fault) -> String? {
        let queue = BoundedQueue<InventoryReport.Part>(capacity: max(1, parts.count))
        for part in parts { queue.push(part) }
        queue.close()
        let missing = Monitor<[(part: InventoryReport.Part, size: Int64?)]>([])
        let crew = ThreadCrew { queue.cancel() }
        for number in 0..<min(atOnce, parts.count) {
            try crew.start("inventory-\(number)") { [bucket] in
                while let part = queue.pop() {
                    try Shutdown.check()
                    let size = try bucket.size(part.key)
                    if size != part.size { missing.with { $0.append((part, size)) } }
                }
            }
        }
        try crew.join()
        let all = missing.with { $0 }.sorted { $0.part.key < $1.part.key }
        guard let first = all.first else { return nil }
        if first.size == nil, let trap = try doubledSlash(first.part.key) { throw trap }
        let more = all.count > 1 ? ", and \(all.count - 1) more files" : ""
        guard let size = first.size else { return "\(bucket.name)/\(first.part.key) is missing\(more)" }
        return "\(bucket.name)/\(first.part.key) has \(size) bytes instead of \(first.part.size)\(more)"
    }
}
