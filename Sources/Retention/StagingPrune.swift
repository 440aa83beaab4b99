import Codec
package import Ledger
package import Logging
package import Platform
package import Settings
package import Staging
package import Vault

/// Retention of staging: the content of what every vault of the job holds, verified, goes; records and lists stay.
package struct StagingPrune: Sendable {
    /// A unit, and whether its content goes.
    package struct Item: Codable, Sendable, Equatable {
        package enum Decision: String, Codable, Sendable { case prune, keep, pruned }

        package var run: String
        package var unit: String
        package var bytes: Int64
        package var decision: Decision
        package var why: String
    }

    let stage: Stage
    let job: JobDirectory
    let settings: RetentionSettings
    let vaults: [OpenVault]
    private let layout: VaultLayout
    /// Of a warehouse.
    private let warehouse: WarehouseSettings?
    let clock: Clock
    private let log: Logger
    private let onStep: @Sendable (_ step: String) throws(Fault) -> Void

    /// - Parameters:
    ///   - stage: collect or pack.
    ///   - job: the job on staging.
    ///   - settings: its retention.
    ///   - vaults: all of its vaults; where one can't be opened nothing is pruned.
    ///   - warehouse: the settings of a warehouse; nothing for a job of hosts.
    ///   - clock: tells how old things are.
    ///   - log: tells what goes on.
    ///   - onStep: called before each change with its name, so that a test can do there what a kill does.
    package init(
        _ stage: Stage, of job: JobDirectory, _ settings: RetentionSettings, vaults: [OpenVault],
        warehouse: WarehouseSettings? = nil, clock: Clock, log: Logger,
        onStep: @escaping @Sendable (_ step: String) throws(Fault) -> Void = { _ in }
    ) {
        self.stage = stage
        self.job = job
        self.settings = settings
        self.vaults = vaults
        self.warehouse = warehouse
        layout = VaultLayout(job: job.name)
        self.clock = clock
        self.log = log
        self.onStep = onStep
    }

    // MARK: Planning

    /// Decides about each unit of each run that has content.
    ///
    /// - Throws: the system's fault; that of a vault, since nobody knows then what it holds.
    package func plan() throws(Fault) -> [Item] {
        guard let keepLocal = settings.keepLocal else { return [] }
        if let warehouse { return try databases(warehouse, before: clock.now().adding(days: -keepLocal)) }
        let holdings = try Holdings(vaults, of: job, layout, settings)
        let limit = clock.now().adding(days: -keepLocal)
        var items: [Item] = []
        for date in try job.runs() {
            try Shutdown.check()
            guard let run = try job.run(date) else { continue }
            let mark = try run.pruneMark()
            let packed = try run.unitRecords(.pack)
            let hosts = try run.unitRecords(.collect)
            var whys: [String: String] = [:]
            for record in stage == .collect ? hosts : packed {
                var item = Item(
                    run: date.description, unit: record.unit,
                    bytes: stage == .collect
                        ? record.bytesOut ?? 0 : record.outputs.reduce(0) { $0 + $1.size }, decision: .keep, why: "")
                if mark.time(of: record) != nil {
                    // Whoever was killed has left some of it.
                    guard try isThere(record, run) else { continue }
                    (item.decision, item.why) = (.pruned, "was not removed to its end")
                    items.append(item)
                    continue
                }
                let needed = stage == .collect ? [record] : hosts.filter { record.share(of: $0.unit) != nil }
                var why: String?
                if stage == .pack, needed.count != record.hosts?.count {
                    why = "a host in it was collected anew"
                }
                for host in needed where why == nil {
                    if whys[host.unit] == nil {
                        whys[host.unit] = try holdings.whyNot(host, packed, run, before: limit) ?? ""
                    }
                    why = whys[host.unit].flatMap { $0.isEmpty ? nil : $0 }
                }
                item.decision = why == nil ? .prune : .keep
                item.why = why ?? "every vault holds it"
                items.append(item)
            }
        }
        return items
    }

    /// Whether any of a unit's content is on staging.
    func isThere(_ record: UnitRecord, _ run: RunDirectory) throws(Fault) -> Bool {
        for path in paths(record) {
            let (directories, name) = ArchiveName.split(path)
            do throws(Fault) {
                if try run.directory.descend(directories.map { ByteString($0) }).exists(ByteString(name)) {
                    return true
                }
            } catch { if error.code != .notFound { throw error } }
        }
        return false
    }

    /// What of a unit goes: a host's tree, or the files of an archive.
    private func paths(_ record: UnitRecord) -> [String] {
        if warehouse != nil { return record.outputs.map(\.path) }
        guard stage == .pack else { return ["collect/\(record.unit)"] }
        var paths = record.outputs.map(\.path)
        if let archive = paths.first, let name = ArchiveName(ofArchive: archive), !paths.contains(name.digests) {
            paths.append(name.digests)
        }
        return paths
    }

    // MARK: Removing

    /// Removes what a plan says, run by run, while no stage is at work on the run.
    ///
    /// - Returns: the units that are pruned now, and what kept others.
    package func carryOut(_ plan: [Item]) throws(Fault) -> (done: [Item], failed: [VaultPrune.Failure]) {
        var done: [Item] = []
        var failed: [VaultPrune.Failure] = []
        let batch = RandomID.make()
        let going = plan.filter { $0.decision != .keep }
        for (name, items) in Dictionary(grouping: going, by: \.run).sorted(by: { $0.key < $1.key }) {
            try Shutdown.check()
            guard let date = CivilDate(name), let run = try job.run(date) else { continue }
            do throws(Fault) {
                var locks: [StageLock] = []
                for stage in Stage.allCases { locks.append(try StageAttempt.lock(stage, of: run, clock: clock)) }
                defer { withExtendedLifetime(locks) {} }
                try prune(items, run, batch)
                done += items
            } catch {
                if [.interrupted, .noSpace].contains(error.code) { throw error }
                failed.append(.init(object: name, why: error.description))
            }
        }
        return (done, failed)
    }

    /// Told first, then marked, then removed.
    private func prune(_ items: [Item], _ run: RunDirectory, _ batch: String) throws(Fault) {
        let now = clock.now()
        var mark = try run.pruneMark()
        var records: [UnitRecord] = []
        var lines: [AuditLine] = []
        for item in items {
            guard let record = try run.unitRecord(stage, item.unit) else { continue }
            records.append(record)
            guard mark.time(of: record) == nil else { continue }
            mark.add(record, at: now)
            var line = AuditLine(.prune, job: job.name, stage: stage, batch: batch, at: now, why: [item.why])
            (line.object, line.bytes, line.run) = (item.unit, item.bytes, item.run)
            line.tenants = record.tenant.map { [$0] }
            lines.append(line)
        }
        try onStep("audit")
        try AuditLog(job, stage).append(lines)
        try onStep("mark")
        try mark.write(run)
        for record in records {
            for path in paths(record) {
                try onStep("remove")
                let (directories, name) = ArchiveName.split(path)
                do throws(Fault) {
                    let parent = try run.directory.descend(directories.map { ByteString($0) })
                    try parent.removeTree(ByteString(name))
                    try parent.sync()
                } catch { if error.code != .notFound { throw error } }
            }
            if stage == .pack, warehouse == nil, let path = record.outputs.first?.path {
                try removeEmptyDirectories(above: path, run)
            }
        }
    }

    /// Removes directories of archives that have nothing any more, up to `pack` itself.
    private func removeEmptyDirectories(above path: String, _ run: RunDirectory) throws(Fault) {
        var names = ArchiveName.split(path).directories.map { ByteString($0) }
        while names.count > 1, let name = names.popLast() {
            do throws(Fault) {
                let parent = try run.directory.descend(names)
                guard try parent.directory(name).names().isEmpty else { return }
                try parent.removeDirectory(name)
            } catch {
                if error.code == .notFound { continue }
                throw error
            }
        }
    }
}
