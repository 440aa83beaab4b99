import Codec
package import Ledger
package import Platform

/// Finds, for each Delta table in a manifest, the newest version of which every file that it refers to is held.
///
/// The log is read commit by commit: what a version lacks are the files that were added and not removed since, and are not
/// held. Where early commits have been cleaned up, a checkpoint stands for them. Its list is read where it is JSON, or where
/// the sums of that version list its files. Of a list in Parquet its presence counts, that of its sidecars where JSON names
/// them, and that there are as many objects as it has files; the answer says that no more was looked at.
package struct DeltaCheck {
    /// What was found of a table.
    package struct Finding: Codable, Sendable, Equatable {
        /// The table's directory.
        package var table: String
        /// The newest version in the log that is held.
        package var newest: Int64
        /// The newest version that can be restored; nothing when there is none.
        package var restorable: Int64?
        /// Files that the newest version lacks, the first of them.
        package var lacking: [String] = []
        /// How many those are.
        package var lackingFiles: Int = 0
        /// Whether every file of that version was looked for; false behind a list that can't be read here.
        package var isProven = true
        /// Files in that list, where the log tells: these were not looked for.
        package var unreadFiles: Int64?
        /// Objects of the table that the run holds besides its log, where files were not looked for.
        package var heldObjects: Int64?
        /// What keeps a newer version, or a proof, away.
        package var why: String?
    }

    private let open: () throws(Fault) -> ManifestReader
    private let bucket: String
    private let scratch: Directory
    private let reader: DeltaLogReader

    /// Files that a finding names, at the most.
    private static let named = 10

    /// - Parameters:
    ///   - bucket: the source bucket, which absolute paths in logs name.
    ///   - scratch: a local directory.
    ///   - open: opens the manifest; it is read twice at the most.
    ///   - read: gets bytes of a log object from the vault, by its name in the manifest.
    package init(
        bucket: String, scratch: Directory, _ open: @escaping () throws(Fault) -> ManifestReader,
        read: @escaping (_ object: ByteString, _ range: Range<Int64>) throws(Fault) -> [UInt8]
    ) {
        self.bucket = bucket
        self.scratch = scratch
        self.open = open
        reader = DeltaLogReader(read)
    }

    private static func isHeld(_ row: Manifest.Row) -> Bool { !row.object.isEmpty && !row.flags.contains(.skipped) }

    /// Looks at every table.
    ///
    /// - Parameter selects: whether a table is looked at, by its directory.
    /// - Returns: findings by the tables' names.
    /// - Throws: what reading the manifest throws; a log that can't be read makes a finding.
    package func run(selecting selects: (ByteString) -> Bool = { _ in true }) throws(Fault) -> [Finding] {
        var held = KeyDigests()
        let logs = try scratch.unnamedFile()
        let gzip = try GzipWriter(logs, level: 1)
        var table = RowWriter()
        let manifest = try open()
        while let row = try manifest.next() {
            guard Self.isHeld(row) else { continue }
            held.add(row.entry.key)
            guard let (root, name) = DeltaLogName.parse(row.entry.key), name != .other, selects(root) else { continue }
            table.field(row.entry.key)
            table.field(ByteString(row.object))
            table.field(row.entry.size)
            table.endRow()
            if table.bytes.count >= 64 << 10 { try gzip.write(&table) }
        }
        try gzip.write(&table)
        _ = try gzip.finish()
        held.sort()
        var found: [(root: ByteString, finding: Finding)] = []
        try forEachLog(RowReader(gzip: try FileSource(logs))) { log throws(Fault) in
            if let finding = try look(at: log, held) { found.append((log.root, finding)) }
        }
        found.sort { $0.root < $1.root }
        try compareCounts(&found)
        return found.map(\.finding)
    }

    /// Gives the logs one after the other: all that is of one follows each other.
    private func forEachLog(_ rows: RowReader, _ each: (DeltaLog) throws(Fault) -> Void) throws(Fault) {
        var current: DeltaLog?
        while try rows.next() {
            let object = DeltaLog.Object(
                key: try rows.bytes(0), object: try rows.bytes(1), size: try rows.int(2))
            guard let (root, name) = DeltaLogName.parse(object.key) else { continue }
            if current?.root != root {
                try Shutdown.check()
                if let current { try each(current) }
                current = DeltaLog(root: root)
            }
            current?.add(object, name)
        }
        if let current { try each(current) }
    }

    private func look(at log: DeltaLog, _ held: KeyDigests) throws(Fault) -> Finding? {
        guard let newest = log.versions.last else { return nil }
        var finding = Finding(table: log.root.description, newest: newest)
        var state = DeltaState()
        // Before the first commit a table has no files.
        var isKnown = true
        var expected: Int64 = 0
        for version in log.versions {
            try Shutdown.check()
            if version != expected, isKnown { (isKnown, state.why) = (false, "the log has no commit \(expected)") }
            do throws(Fault) {
                let commit = log.commits[version]
                let needsList = !isKnown || !state.isProven || commit == nil
                if needsList, let begun = try begin(at: version, log, held),
                    begun.isProven || !isKnown || commit == nil
                {
                    (state, isKnown) = (begun, true)
                } else if isKnown, let commit {
                    try reader.forEachAction(of: commit) { action throws(Fault) in
                        apply(action, log.root, held, to: &state)
                    }
                }
            } catch {
                if error.code == .interrupted { throw error }
                (isKnown, state.why) = (false, "\(error)")
            }
            if isKnown, state.count == 0 {
                (finding.restorable, finding.isProven) = (version, state.isProven)
                finding.unreadFiles = state.unread
            }
            expected = version + 1
        }
        finding.lackingFiles = state.count
        finding.lacking = state.first(Self.named)
        finding.why = state.why ?? (state.count == 0 ? nil : "version \(newest) lacks \(state.count) files")
        return finding
    }

    /// Takes the list of files of a version, as far as it can be read.
    ///
    /// - Returns: nothing for a version without a list.
    private func begin(at version: Int64, _ log: DeltaLog, _ held: KeyDigests) throws(Fault) -> DeltaState? {
        guard log.lists[version] != nil || log.checkpoints.contains(version) else { return nil }
        var state = DeltaState()
        let sums = try reader.document(DeltaChecksum.self, log.checksums[version])
        if let files = sums?.allFiles, Int64(files.count) == sums?.numFiles {
            for file in files { add(file, log.root, held, to: &state) }
            return state
        }
        let hint = try reader.document(DeltaHint.self, log.hint).flatMap { $0.version == version ? $0 : nil }
        var sidecars = hint?.v2Checkpoint?.sidecarFiles ?? []
        if let list = log.lists[version] {
            sidecars = []
            try reader.forEachAction(of: list) { action throws(Fault) in
                if let sidecar = action.sidecar { sidecars.append(sidecar) }
                apply(action, log.root, held, to: &state)
            }
            if sidecars.isEmpty { return state }
        }
        for sidecar in sidecars {
            let path = sidecar.path.contains("/") ? sidecar.path : "_delta_log/_sidecars/\(sidecar.path)"
            let key = DeltaAction.File.key(path, root: log.root, bucket: bucket)
            if let key, held.contains(key) { continue }
            state.lack("sidecar \(sidecar.path)", [key ?? ByteString(sidecar.path)])
        }
        state.isProven = false
        state.unread = sums?.numFiles ?? hint?.numOfAddFiles
        let files = state.unread.map { "\($0) files" } ?? "files"
        let place = sidecars.isEmpty ? "" : "the \(sidecars.count) sidecars of "
        state.why = "the list of \(files) in \(place)checkpoint \(version) is Parquet, which is not read here"
        return state
    }

    private func apply(_ action: DeltaAction, _ root: ByteString, _ held: KeyDigests, to state: inout DeltaState) {
        // In a commit a file may be removed, and added with another deletion vector: these are two for it.
        if let remove = action.remove { state.release(remove.identity) }
        if let file = action.add { add(file, root, held, to: &state) }
    }

    private func add(_ file: DeltaAction.File, _ root: ByteString, _ held: KeyDigests, to state: inout DeltaState) {
        guard let keys = file.keys(root: root, bucket: bucket) else {
            return state.lack(file.identity, [ByteString(file.path)])
        }
        let missing = keys.filter { !held.contains($0) }
        if missing.isEmpty { state.release(file.identity) } else { state.lack(file.identity, missing) }
    }

    // MARK: Lists that can't be read

    /// Counts what is held of tables whose list was not read: with fewer objects than files there, something is lacking.
    private func compareCounts(_ found: inout [(root: ByteString, finding: Finding)]) throws(Fault) {
        guard found.contains(where: { $0.finding.unreadFiles != nil }) else { return }
        var counts = [Int64](repeating: 0, count: found.count)
        // Roots and keys are in order: a table in whose directory the keys are lies below those within it.
        var (next, inside): (Int, [Int]) = (0, [])
        func leave(_ key: ByteString) {
            while let last = inside.last, !key.hasPrefix(found[last].root) { inside.removeLast() }
        }
        let manifest = try open()
        while let row = try manifest.next() {
            let key = row.entry.key
            while next < found.count, !(key < found[next].root) {
                leave(found[next].root)
                inside.append(next)
                next += 1
            }
            leave(key)
            if let table = inside.last, Self.isHeld(row), !DestinationKeys.isLog(key) { counts[table] += 1 }
        }
        for index in found.indices {
            guard let files = found[index].finding.unreadFiles else { continue }
            found[index].finding.heldObjects = counts[index]
            guard counts[index] < files else { continue }
            found[index].finding.restorable = nil
            found[index].finding.why =
                "the run holds \(counts[index]) objects of the table, and its checkpoint lists \(files) files"
        }
    }
}
