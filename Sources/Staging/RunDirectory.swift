package import Ledger
package import Platform

/// `STAGING/JOB/RUN`: the records of the stages and what they hand on.
package struct RunDirectory: Sendable {
    package let job: JobDirectory
    package let date: CivilDate
    package let directory: Directory

    package func record() throws(Fault) -> RunRecord? { try JSONFile.read(RunRecord.self, "run.json", in: directory) }

    package func write(_ record: RunRecord) throws(Fault) {
        try JSONFile.write(record, to: "run.json", in: directory)
    }

    package func stageRecord(_ stage: Stage) throws(Fault) -> StageRecord? {
        try JSONFile.read(StageRecord.self, ByteString("\(stage.rawValue).json"), in: directory)
    }

    package func write(_ record: StageRecord) throws(Fault) {
        try JSONFile.write(record, to: ByteString("\(record.stage.rawValue).json"), in: directory)
    }

    /// Where collect puts the hosts' content and lists.
    package func collectDirectory() throws(Fault) -> Directory { try directory.descendCreating(["collect"]) }

    /// Where pack puts archives.
    package func packDirectory() throws(Fault) -> Directory { try directory.descendCreating(["pack"]) }

    // MARK: Unit records

    /// The directories of a record: `records/STAGE`, and the vault for ship.
    private func place(_ stage: Stage, vault: String?, unit: String) -> (path: [ByteString], name: ByteString) {
        let parts = unit.split(separator: "/").map { ByteString(String($0)) }
        let above = ["records", ByteString(stage.rawValue)] + (vault.map { [ByteString($0)] } ?? [])
        return (above + parts.dropLast(), ByteString("\(parts.last?.description ?? unit).json"))
    }

    package func unitRecord(_ stage: Stage, _ unit: String, vault: String? = nil) throws(Fault) -> UnitRecord? {
        let (path, name) = place(stage, vault: vault, unit: unit)
        do { return try JSONFile.read(UnitRecord.self, name, in: try directory.descend(path)) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    package func write(_ record: UnitRecord, vault: String? = nil) throws(Fault) {
        let (path, name) = place(record.stage, vault: vault, unit: record.unit)
        try JSONFile.write(record, to: name, in: try directory.descendCreating(path))
    }

    /// Where a stage keeps something of its own beside a unit's record; the directory is there.
    package func place(beside unit: String, _ stage: Stage, vault: String? = nil, suffix: String) throws(Fault)
        -> (directory: Directory, name: ByteString)
    {
        let (path, name) = place(stage, vault: vault, unit: unit)
        let base = ByteString(name.bytes.dropLast(".json".utf8.count))
        return (try directory.descendCreating(path), base + ByteString(suffix))
    }

    /// The same place where its directory is there already; nothing is made.
    package func existingPlace(beside unit: String, _ stage: Stage, vault: String? = nil, suffix: String) throws(Fault)
        -> (directory: Directory, name: ByteString)?
    {
        let (path, name) = place(stage, vault: vault, unit: unit)
        let base = ByteString(name.bytes.dropLast(".json".utf8.count))
        do throws(Fault) { return (try directory.descend(path), base + ByteString(suffix)) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// All unit records of a stage, by unit name.
    package func unitRecords(_ stage: Stage, vault: String? = nil) throws(Fault) -> [UnitRecord] {
        let top: Directory
        do { top = try directory.descend(place(stage, vault: vault, unit: "_").path) } catch {
            if error.code == .notFound { return [] }
            throw error
        }
        var records: [UnitRecord] = []
        var walk = try DirectoryWalk(top)
        while let step = try walk.next() {
            if step.name.bytes.first == 0x2E { continue }
            switch step.status {
            case .success(let status):
                // A copy that somebody keeps beside a record (`web1.json.bak`) must not count as its unit again.
                guard status.kind == .file, step.name.bytes.suffix(5).elementsEqual(".json".utf8),
                    let record = try JSONFile.read(UnitRecord.self, step.name, in: step.parent)
                else { continue }
                records.append(record)
            case .failure(let fault):
                // A record that can't be looked at must not count as one that is not there.
                if fault.code != .notFound { throw fault }
            }
        }
        return records.sorted { $0.unit < $1.unit }
    }

    /// Removes what a crash left in the stage's own places: temporary files of this project's naming.
    ///
    /// Called under the stage's lock, so whatever has such a name has no owner.
    package func sweep(_ stage: Stage) throws(Fault) {
        if stage == .collect {
            let collected = try collectDirectory()
            for name in try collected.names() where Self.isTemporary(name) {
                // What a journal speaks of is where the next attempt goes on.
                guard try !collected.hasJournal(of: name) else { continue }
                try collected.removeTree(name)
            }
        }
        // Not beyond: another stage may be at work on the same run.
        for place in [["records", ByteString(stage.rawValue)]] + (stage == .pack ? [["pack"]] : []) {
            guard let top = try? directory.descend(place) else { continue }
            var walk = try DirectoryWalk(top)
            var stale: [(Directory, ByteString)] = []
            while let step = try walk.next() {
                guard case .success(let status) = step.status, status.kind == .file else { continue }
                if Self.isTemporary(step.name) { stale.append((step.parent, step.name)) }
            }
            for (parent, name) in stale { try parent.removeIfPresent(name) }
        }
    }

    static func isTemporary(_ name: ByteString) -> Bool {
        name.bytes.first == UInt8(ascii: ".")
            && name.bytes.suffix(PendingFile.suffix.count).elementsEqual(PendingFile.suffix.bytes)
    }

    /// Removes a unit's record, before its outputs are replaced: a record never names bytes that aren't safe.
    package func removeRecord(_ stage: Stage, _ unit: String, vault: String? = nil) throws(Fault) {
        let (path, name) = place(stage, vault: vault, unit: unit)
        do {
            let parent = try directory.descend(path)
            try parent.removeIfPresent(name)
            try parent.sync()
        } catch {
            if error.code != .notFound { throw error }
        }
    }
}

extension Directory {
    /// Whether the temporary directory of a host has a journal beside it.
    fileprivate func hasJournal(of temporary: ByteString) throws(Fault) -> Bool {
        let host = temporary.bytes.dropLast(PendingFile.suffix.count)
        for suffix: ByteString in [".journal", ".journal.next"] where try exists(ByteString(host) + suffix) {
            return true
        }
        return false
    }
}
