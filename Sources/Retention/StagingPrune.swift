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

        func staying(_ why: String) -> Item {
            var item = self
            (item.decision, item.why) = (.keep, why)
            return item
        }
    }

    /// What carrying out a plan came to.
    package struct Outcome: Sendable {
        package var done: [Item] = []
        /// What has been done since the plan was made keeps it, or its run could not be pruned.
        package var stayed: [Item] = []
        package var failed: [VaultPrune.Failure] = []
    }

    let stage: Stage
    let job: JobDirectory
    let settings: RetentionSettings
    let vaults: [OpenVault]
    /// What the vaults said of their objects.
    let heads = Holdings.Heads([:])
    /// What the audit log tells of what is not in the ledger any more.
    let history: RetirementHistory
    /// Of a warehouse.
    let warehouse: WarehouseSettings?
    let clock: Clock
    let log: Logger
    let onStep: @Sendable (_ step: String) throws(Fault) -> Void

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
        self.clock = clock
        self.log = log
        self.onStep = onStep
        history = RetirementHistory(job) { () throws(Fault) in try Self.runs(of: job, with: stage) }
    }

    // MARK: Planning

    /// Decides about each unit of each run that has content.
    ///
    /// - Throws: the system's fault; that of a vault, since nobody knows then what it holds.
    package func plan() throws(Fault) -> [Item] { try plan(run: nil) }

    func plan(run only: CivilDate?) throws(Fault) -> [Item] {
        guard let keepLocal = settings.keepLocal else { return [] }
        let limit = clock.now().adding(days: -keepLocal)
        if let warehouse { return try databases(warehouse, before: limit, run: only) }
        let holdings = try Holdings(vaults, settings, heads, history)
        var items: [Item] = []
        for date in try job.runs() where only == nil || only == date {
            try Shutdown.check()
            guard let run = try job.run(date), try Self.hasContent(run, stage) else { continue }
            let mark = try run.pruneMark()
            let packed = try run.unitRecords(.pack)
            let hosts = try run.unitRecords(.collect)
            var verdicts: [String: Holdings.Verdict] = [:]
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
                item.why = Holdings.isHeld
                for host in needed where why == nil {
                    if verdicts[host.unit] == nil {
                        verdicts[host.unit] = try holdings.verdict(host, packed, run, before: limit)
                    }
                    switch verdicts[host.unit] {
                    case .stays(let reason): why = reason
                    case .goes(let reason): if reason != Holdings.isHeld { item.why = reason }
                    case nil: break
                    }
                }
                item.decision = why == nil ? .prune : .keep
                if let why { item.why = why }
                items.append(item)
            }
        }
        return items
    }

    /// Whether a run has any content of the stage: of one that has none the many records need not be read.
    private static func hasContent(_ run: RunDirectory, _ stage: Stage) throws(Fault) -> Bool {
        do throws(Fault) {
            let names = try run.directory.directory(ByteString(stage.rawValue)).names()
            return stage == .pack
                ? !names.isEmpty : names.contains { !$0.bytes.suffix(list.count).elementsEqual(list) }
        } catch {
            if error.code == .notFound { return false }
            throw error
        }
    }

    private static let list = Array(".entries.tsv.gz".utf8)

    /// The runs that have any content of the stage.
    private static func runs(of job: JobDirectory, with stage: Stage) throws(Fault) -> Set<CivilDate> {
        var dates: Set<CivilDate> = []
        for date in try job.runs() {
            if let run = try job.run(date), try hasContent(run, stage) { dates.insert(date) }
        }
        return dates
    }

    /// Whether any of a unit's content is on staging, or an empty directory that it was in.
    func isThere(_ record: UnitRecord, _ run: RunDirectory) throws(Fault) -> Bool {
        for path in paths(record) {
            let (directories, name) = ArchiveName.split(path)
            do throws(Fault) {
                if try run.directory.descend(directories.map { ByteString($0) }).exists(ByteString(name)) {
                    return true
                }
            } catch { if error.code != .notFound { throw error } }
            if stage == .pack, warehouse == nil, try isEmptyDirectoryLeft(directories, run) { return true }
        }
        return false
    }

    /// Whether the last directory that is there of an archive's path, below `pack`, has nothing any more.
    private func isEmptyDirectoryLeft(_ directories: [String], _ run: RunDirectory) throws(Fault) -> Bool {
        var here = run.directory
        for (depth, name) in directories.enumerated() {
            do throws(Fault) { here = try here.directory(ByteString(name)) } catch {
                guard error.code == .notFound else { throw error }
                if depth < 2 { return false }
                break
            }
        }
        if directories.count < 2 { return false }
        return try here.names().isEmpty
    }

    /// What of a unit goes: a host's tree, or the files of an archive.
    func paths(_ record: UnitRecord) -> [String] {
        if warehouse != nil { return record.outputs.map(\.path) }
        guard stage == .pack else { return ["collect/\(record.unit)"] }
        var paths = record.outputs.map(\.path)
        if let archive = paths.first, let name = ArchiveName(ofArchive: archive), !paths.contains(name.digests) {
            paths.append(name.digests)
        }
        return paths
    }
}
