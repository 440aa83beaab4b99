import Ledger
import Logging
package import Platform
import Staging

extension StagingPrune {
    /// Removes what a plan says, run by run, while no stage is at work on the run.
    ///
    /// What has been done since the plan was made is seen: under the locks it is decided once more, and what has to stay
    /// now stays.
    ///
    /// - Returns: what is pruned now, what stays after all and why, and what kept runs from being pruned.
    package func carryOut(_ plan: [Item]) throws(Fault) -> Outcome {
        var outcome = Outcome()
        let batch = RandomID.make()
        let going = plan.filter { $0.decision != .keep }
        for (name, items) in Dictionary(grouping: going, by: \.run).sorted(by: { $0.key < $1.key }) {
            try Shutdown.check()
            guard let date = CivilDate(name), let run = try job.run(date) else { continue }
            do throws(Fault) {
                var locks: [StageLock] = []
                for stage in Stage.allCases { locks.append(try StageAttempt.lock(stage, of: run, clock: clock)) }
                defer { withExtendedLifetime(locks) {} }
                let now = Dictionary(
                    try self.plan(run: date).map { ($0.unit, $0) }, uniquingKeysWith: { one, _ in one })
                let still = items.compactMap { now[$0.unit] }.filter { $0.decision != .keep }
                try prune(still, run, batch)
                outcome.done += still
                for item in items where now[item.unit]?.decision ?? .keep == .keep {
                    let why = now[item.unit]?.why ?? "is not there any more"
                    log.notice("\(stage.rawValue) \(name) \(item.unit): stays after all: \(why)")
                    outcome.stayed.append(item.staying(why))
                }
            } catch {
                if [.interrupted, .noSpace].contains(error.code) { throw error }
                outcome.failed.append(.init(object: name, why: error.description))
                outcome.stayed += items.map { $0.staying(error.message) }
            }
        }
        return outcome
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
