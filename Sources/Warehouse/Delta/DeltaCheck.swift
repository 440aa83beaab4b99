package import Ledger
package import Platform

/// Finds, for each Delta table in a manifest, the newest version of which every file that it refers to is held.
///
/// The log is read commit by commit: what a version lacks are the files that were added and not removed since, and are not
/// held. Where early commits have been cleaned up, a checkpoint stands for them; its list is read where it is JSON. Of a
/// checkpoint in Parquet only its presence counts, and the answer says so.
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
        /// Whether every file of that version was looked for; false behind a checkpoint that can't be read here.
        package var isProven = true
        /// What keeps a newer version, or a proof, away.
        package var why: String?
    }

    private let open: () throws(Fault) -> ManifestReader
    private let bucket: String
    private let read: (Manifest.Row) throws(Fault) -> [UInt8]

    /// Files that a finding names, at the most.
    private static let named = 10

    /// - Parameters:
    ///   - bucket: the source bucket, which absolute paths in logs name.
    ///   - open: opens the manifest; it is read once.
    ///   - read: gets a log object from the vault.
    package init(
        bucket: String, _ open: @escaping () throws(Fault) -> ManifestReader,
        read: @escaping (Manifest.Row) throws(Fault) -> [UInt8]
    ) {
        self.bucket = bucket
        self.open = open
        self.read = read
    }

    private struct Table {
        var commits: [Int64: Manifest.Row] = [:]
        /// Whole checkpoints: those of one file, and those with all of their parts.
        var checkpoints: Set<Int64> = []
        var parts: [Int64: [Int: Set<Int>]] = [:]
        /// Checkpoints in JSON.
        var lists: [Int64: Manifest.Row] = [:]
        var newest: Int64 { max(commits.keys.max() ?? -1, checkpoints.max() ?? -1, lists.keys.max() ?? -1) }
    }

    /// Looks at every table.
    ///
    /// - Parameter selects: whether a table is looked at, by its directory.
    /// - Returns: findings by the tables' names.
    /// - Throws: what reading the manifest throws; a log that can't be read makes a finding.
    package func run(selecting selects: (ByteString) -> Bool = { _ in true }) throws(Fault) -> [Finding] {
        var tables: [ByteString: Table] = [:]
        var held = HeldKeys()
        let reader = try open()
        while let row = try reader.next() {
            guard !row.object.isEmpty, !row.flags.contains(.skipped) else { continue }
            held.add(row.entry.key)
            guard let (root, name) = DeltaLogName.parse(row.entry.key), selects(root) else { continue }
            Self.note(row, name, in: &tables[root, default: Table()])
        }
        held.sort()
        var findings: [Finding] = []
        for (root, table) in tables.sorted(by: { $0.key < $1.key }) where table.newest >= 0 {
            try Shutdown.check()
            findings.append(try look(at: table, root, held))
        }
        return findings
    }

    private static func note(_ row: Manifest.Row, _ name: DeltaLogName, in table: inout Table) {
        switch name {
        case .commit(let version): table.commits[version] = row
        case .checkpoint(let version), .checkpointWithSidecars(let version, isJSON: false):
            table.checkpoints.insert(version)
        case .checkpointWithSidecars(let version, isJSON: true): table.lists[version] = row
        case .checkpointPart(let version, let part, let count):
            table.parts[version, default: [:]][count, default: []].insert(part)
            if table.parts[version]?[count]?.count == count { table.checkpoints.insert(version) }
        case .other: break
        }
    }

    /// What a version lacks, as the log is read.
    private struct State {
        var lacking: [String: [ByteString]] = [:]
        var isProven = true
        var why: String?
    }

    private func look(at table: Table, _ root: ByteString, _ held: HeldKeys) throws(Fault) -> Finding {
        var finding = Finding(table: root.description, newest: table.newest)
        var state = State()
        // Before the first commit a table has no files.
        var isKnown = true
        var version: Int64 = 0
        while version <= table.newest {
            do throws(Fault) {
                if let commit = table.commits[version], isKnown {
                    try apply(commit, root, held, to: &state)
                } else if table.lists[version] != nil || table.checkpoints.contains(version) {
                    state = State()
                    isKnown = true
                    try begin(at: version, table, root, held, &state)
                } else if isKnown {
                    (isKnown, state.why) = (false, "the log has no commit \(version)")
                }
            } catch {
                if error.code == .interrupted { throw error }
                (isKnown, state.why) = (false, "\(error)")
            }
            if isKnown, state.lacking.isEmpty {
                (finding.restorable, finding.isProven) = (version, state.isProven)
            }
            version += 1
        }
        finding.lackingFiles = state.lacking.count
        finding.lacking = state.lacking.values.flatMap { $0 }.sorted().prefix(Self.named).map(\.description)
        finding.why =
            state.why ?? (state.lacking.isEmpty ? nil : "version \(table.newest) lacks \(state.lacking.count) files")
        return finding
    }

    /// Takes the list of a checkpoint, where it can be read.
    private func begin(
        at version: Int64, _ table: Table, _ root: ByteString, _ held: HeldKeys, _ state: inout State
    ) throws(Fault) {
        guard let list = table.lists[version] else {
            state.isProven = false
            state.why = "the list of files in checkpoint \(version) is Parquet, which is not read here"
            return
        }
        var hasSidecars = false
        for action in try actions(of: list) {
            if let sidecar = action.sidecar {
                hasSidecars = true
                let path = sidecar.path.contains("/") ? sidecar.path : "_delta_log/_sidecars/\(sidecar.path)"
                let key = DeltaAction.File.key(path, root: root, bucket: bucket)
                if let key, held.contains(key) { continue }
                state.lacking["sidecar \(sidecar.path)"] = [key ?? ByteString(sidecar.path)]
            }
            apply(action, root, held, to: &state)
        }
        if hasSidecars {
            state.isProven = false
            state.why = "the list of files in the sidecars of checkpoint \(version) is Parquet, which is not read here"
        }
    }

    private func apply(_ commit: Manifest.Row, _ root: ByteString, _ held: HeldKeys, to state: inout State)
        throws(Fault)
    {
        let actions = try actions(of: commit)
        // Within a commit a file may be removed and added with another deletion vector; order means nothing.
        for action in actions where action.remove != nil { apply(action, root, held, to: &state) }
        for action in actions where action.add != nil { apply(action, root, held, to: &state) }
    }

    private func apply(_ action: DeltaAction, _ root: ByteString, _ held: HeldKeys, to state: inout State) {
        if let remove = action.remove { state.lacking[remove.identity] = nil }
        guard let add = action.add else { return }
        guard let keys = add.keys(root: root, bucket: bucket) else {
            state.lacking[add.identity] = [ByteString(add.path)]
            return
        }
        let missing = keys.filter { !held.contains($0) }
        if !missing.isEmpty { state.lacking[add.identity] = missing }
    }

    private func actions(of row: Manifest.Row) throws(Fault) -> [DeltaAction] {
        var actions: [DeltaAction] = []
        for line in try read(row).split(separator: UInt8(ascii: "\n")) {
            guard let action = DeltaAction.read(line) else {
                throw Fault(.damaged, "'\(row.entry.key)' has a line that is no action")
            }
            actions.append(action)
        }
        return actions
    }
}
