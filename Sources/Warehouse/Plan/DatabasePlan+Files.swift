import Codec
package import Ledger
package import Platform
import Settings

extension DatabasePlan {
    /// What a plan becomes on staging.
    package struct Files: Sendable {
        package var totals: DatabaseTotals
        /// Manifest, lists for S3 Batch Operations, and the digests of these.
        package var outputs: [UnitRecord.Output]
        package var route: CopyRoute
        /// Bytes of all these files.
        package var size: Int64 { outputs.reduce(0) { $0 + $1.size } }
    }

    /// The name of the manifest to be.
    package static func manifestName(unit: String) -> String { "\(unit).manifest.tsv.gz" }
    /// The name of a list for S3 Batch Operations.
    package static func listName(unit: String, _ part: BatchCSV.Part) -> String { "\(unit).\(part.rawValue).csv" }
    /// All files that a database may have on staging.
    package static func fileNames(unit: String) -> [String] {
        let names = [manifestName(unit: unit)] + BatchCSV.Part.allCases.map { listName(unit: unit, $0) }
        return names + names.map { $0 + ".sha256" }
    }

    /// Writes the manifest of the run, and what is copied in the form of S3 Batch Operations.
    ///
    /// - Parameters:
    ///   - directory: where.
    ///   - place: what stands before the names in the outputs' paths: `pack/`.
    ///   - inventoryFiles: how many files the inventory has, which bears on the route.
    ///   - hasVersions: whether the entries have versions.
    ///   - bytes: writes a size for people.
    /// - Returns: the files, all in place.
    /// - Throws: `limit` where too much would be left out, and nothing is in place then; the system's faults.
    package func write(
        into directory: Directory, place: String, inventoryFiles: Int, hasVersions: Bool, bytes: (Int64) -> String
    ) throws(Fault) -> Files {
        for name in Self.fileNames(unit: unit) { try directory.removeIfPresent(ByteString(name)) }
        let pending = try PendingFile(ByteString(Self.manifestName(unit: unit)), in: directory)
        let gzip = try GzipWriter(pending.file, level: 1)
        var row = RowWriter()
        for column in Manifest.columns { row.field(column) }
        row.endRow()
        var lists: [(part: BatchCSV.Part, file: PendingFile, writer: BatchCSV.Writer)] = []
        for part in BatchCSV.Part.allCases {
            let file = try PendingFile(ByteString(Self.listName(unit: unit, part)), in: directory)
            lists.append((part, file, BatchCSV.Writer(file.file, bucket: settings.source.bucket, hasVersions: hasVersions)))
        }
        let totals = try run { (decision, size) throws(Fault) in
            switch decision {
            case .vanished: return
            case .carry:
                plan.appendHeldRow(to: &row)
                row.endRow()
            case .skip: writeRow(size, object: nil, flags: "skipped=class:", to: &row)
            case .take(let isLog, let wasHeld):
                // A snapshot has a bucket of its own, where nothing is held.
                let isElsewhere = isLog || (wasHeld && settings.mode == .incremental)
                let object = try object(isElsewhere: isElsewhere, wasHeld: wasHeld)
                writeRow(size, object: object.escaped, isLog: isLog, to: &row)
                guard object.isPlain, size <= BatchCSV.largestCopy, isLog || !isElsewhere else { break }
                let part: BatchCSV.Part = isLog ? .logs : .data
                for list in lists where list.part == part {
                    try list.writer.write(key: try plan.plainKey(), version: version)
                }
            }
            if row.bytes.count >= 64 << 10 { try gzip.write(&row) }
        }
        try check(totals, bytes)
        try gzip.write(&row)
        let digest = try gzip.finish()
        var outputs = [
            UnitRecord.Output(
                path: place + Self.manifestName(unit: unit), size: gzip.written, sha256: digest)
        ]
        for list in lists where list.writer.count > 0 {
            let digest = try list.writer.finish()
            try list.file.commit()
            outputs.append(.init(path: place + Self.listName(unit: unit, list.part), size: list.writer.size, sha256: digest))
        }
        try pending.commit()
        for output in outputs {
            let name = String(output.path.dropFirst(place.utf8.count))
            let line = Array("\(output.sha256)  \(name)\n".utf8)
            try PendingFile.write(line, to: ByteString(name + ".sha256"), in: directory)
            outputs.append(
                .init(path: output.path + ".sha256", size: Int64(line.count), sha256: SHA256Hasher.digest(of: line)))
        }
        return Files(totals: totals, outputs: outputs, route: route(totals, inventoryFiles: inventoryFiles))
    }

    /// By whom the database is copied.
    package func route(_ totals: DatabaseTotals, inventoryFiles: Int) -> CopyRoute {
        guard settings.batch != nil else { return .direct }
        let objects = totals.taken.objects + totals.logs.objects
        let isLong =
            settings.route.objects.map { objects > Int64($0) } ?? false
            || settings.route.inventoryFiles.map { inventoryFiles > $0 } ?? false
        return isLong && objects > 0 ? .batch : .direct
    }

    /// The `object` of what is taken; plain where it is a prefix and the key.
    private func object(isElsewhere: Bool, wasHeld: Bool) throws(Fault) -> (escaped: Object, isPlain: Bool) {
        let prefix = isElsewhere ? keys.changed : keys.data
        let field = plan.key
        // Escapes only make it longer, so what fits with them fits.
        if keys.fits(prefix, keyLength: field.count) { return (.prefixed(prefix), true) }
        let key = try plan.plainKey()
        if keys.fits(prefix, keyLength: key.count) { return (.prefixed(prefix), true) }
        return (.whole(keys.object(for: key, wasHeld: wasHeld)), false)
    }

    private enum Object {
        case prefixed(String)
        case whole(ByteString)
    }

    private var version: String {
        let parts = plan.identity.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        return parts.count > 2 ? String(decoding: parts[2], as: UTF8.self) : ""
    }

    private func writeRow(_ size: Int64, object: Object?, isLog: Bool = false, flags: String = "", to row: inout RowWriter) {
        row.field(raw: plan.key)
        row.field("f" as StaticString)
        row.field(size)
        row.field(raw: plan.modified)
        for _ in 0..<4 { row.empty() }
        row.field(unit)
        row.field(raw: plan.identity)
        row.empty()
        switch object {
        case .none:
            for _ in 0..<6 { row.empty() }
            row.field(flags)
            row.append(raw: plan.storageClass)
        case .some(let object):
            row.field(isLog ? settings.logClass : storageClass)
            row.field(run.description)
            switch object {
            case .prefixed(let prefix):
                row.field(prefix)
                row.append(raw: plan.key)
            case .whole(let key): row.field(key)
            }
            for _ in 0..<4 { row.empty() }
        }
        row.endRow()
    }
}
