package import Ledger
import Logging
package import Platform
import Settings

/// One execution of a stage for a run: it holds the lock, opens the stage record as `running`, runs units, several at
/// once, each failing alone, and closes the record with what came of them.
package final class StageAttempt: Sendable {
    package let id: String
    package let run: RunDirectory
    let context: StageContext
    let stage: Stage
    private let lock: Handed<StageLock>
    let previous: StageRecord?
    let started = Clock.monotonic()
    let record: Monitor<StageRecord>
    let wasOpened = Monitor(false)
    /// The advice that was given: a thousand archives may wait for the same thing.
    private let hints = Monitor<Set<String>>([])

    /// Takes the lock and sweeps what a crash left.
    ///
    /// - Throws: `tryLater` when another attempt runs.
    package init(_ stage: Stage, of run: RunDirectory, _ context: StageContext) throws(Fault) {
        id = RandomID.make()
        self.stage = stage
        self.run = run
        self.context = context
        lock = Handed(
            try Self.lock(stage, of: run, attempt: id, breaking: context.request.breakLock, clock: context.clock))
        previous = try run.stageRecord(stage)
        try run.sweep(stage)
        record = Monitor(
            StageRecord(
                job: context.job.name, run: run.date.description, stage: stage, attempt: id, state: .running,
                host: ProcessIdentity.host, pid: ProcessIdentity.pid, startedAt: context.clock.now().rfc3339))
    }

    /// The record of the attempt before, if it left nothing to do: on staging it stays as it is then.
    ///
    /// - Parameters:
    ///   - upstream: the attempt of the stage before, from which the units come.
    ///   - pending: how many units have work, whether selected or not.
    /// - Returns: that record, or nothing when this attempt has to go on.
    package func previousIfComplete(upstream: String?, pending: Int) -> StageRecord? {
        // One that has followed another attempt has written its own.
        if wasOpened.with({ $0 }) { return nil }
        guard pending == 0, let previous, previous.upstream == upstream, previous.failed.isEmpty else { return nil }
        guard previous.state == .done || !previous.warnings.isEmpty else { return nil }
        // Told as what this attempt did: nothing.
        var same = previous
        (same.done, same.skipped, same.seconds, same.costs) = (0, previous.units, 0, nil)
        same.warnings = previous.warnings.map(\.earlier)
        return same
    }

    /// Whether this attempt has tried a unit, and failed.
    package func hasFailed(_ unit: String) -> Bool {
        record.with { record in record.failed.contains { $0.unit == unit && $0.isEarlier != true } }
    }

    /// Writes the stage record as `running`; once more when an attempt that follows another one knows all of its units.
    ///
    /// - Parameters:
    ///   - upstream: the attempt of the stage before, from which the units come.
    ///   - units: how many units the run has.
    ///   - before: the records of those that were done before this attempt; their bytes count for the run, and their warnings stand.
    ///   - open: the names of those that are not done: until this attempt has tried one, what the attempt before said of it
    ///     stands.
    ///   - vaults: the identities of the vaults by their names.
    ///   - pricesOf: the day of the prices by which its units tell what they cost.
    /// - Throws: the system's fault, such as `noSpace`, when the record can't be written.
    package func open(
        upstream: String?, units: Int, before: [UnitRecord], open: [String] = [], vaults: [String: String]? = nil,
        pricesOf: CivilDate? = nil
    ) throws(Fault) {
        let names = Set(open)
        let failedBefore = (previous?.failed ?? []).filter { names.contains($0.unit) }
        let opened = record.with { record in
            record.upstream = upstream
            record.vaults = vaults
            record.pricesOf = pricesOf?.description
            record.units = units
            record.skipped = before.count
            record.failed = record.failed.filter { $0.isEarlier != true }
            let failedNow = Set(record.failed.map(\.unit))
            record.failed += failedBefore.filter { !failedNow.contains($0.unit) }.map(\.earlier)
            for unit in before {
                record.bytesIn += unit.bytesIn ?? 0
                record.bytesOut += unit.bytesOut ?? 0
                if let why = Self.summary(unit.warnings) {
                    record.warnings.append(.init(unit: unit.unit, why: why, isEarlier: true))
                }
            }
            return record
        }
        try run.write(opened)
        tell(opened)
        wasOpened.with { $0 = true }
    }

    /// The first warning, and how many more there are.
    private static func summary(_ warnings: [String]) -> String? {
        warnings.first.map { $0 + (warnings.count > 1 ? " (and \(warnings.count - 1) more)" : "") }
    }

    /// Runs units, at most `atOnce` together; may be called again for units that wait for the first ones.
    ///
    /// - Parameters:
    ///   - units: the units to do, begun in this order.
    ///   - atOnce: how many run together; less than one counts as one.
    ///   - name: a unit's name.
    ///   - isSetAside: asked about a unit that can't be done now; true when it will be given to a later call.
    ///   - body: does a unit; whatever it throws fails that unit alone.
    /// - Throws: `interrupted` after a signal, and the record is closed as failed then; `limit` when the system has no
    ///   thread left.
    package func perform<Unit: Sendable>(
        _ units: [Unit], atOnce: Int, name: @escaping @Sendable (Unit) -> String,
        isSetAside: @escaping @Sendable (Unit, Fault) -> Bool = { _, _ in false },
        body: @escaping @Sendable (Unit) throws -> Outcome
    ) throws(Fault) {
        let queue = BoundedQueue<Unit>(capacity: max(1, units.count))
        for unit in units { queue.push(unit) }
        queue.close()
        let log = context.log
        let crew = ThreadCrew { queue.cancel() }
        for number in 0..<min(max(1, atOnce), units.count) {
            try crew.start("\(stage.rawValue)-\(number)") { [self] in
                while let unit = queue.pop() {
                    try Shutdown.check()
                    do {
                        count(try body(unit), name(unit), log)
                    } catch {
                        try Shutdown.check()
                        let fault = Fault.wrapping(error)
                        if fault.code == .tryLater, isSetAside(unit, fault) { continue }
                        fail(name(unit), fault)
                    }
                }
            }
        }
        do { try crew.join() } catch {
            if error.code == .interrupted { _ = try? close(isComplete: false, wasStopped: true) }
            throw error
        }
    }

    /// The unit and what failed it; a fault of a host names the host itself.
    private static func naming(_ unit: String, _ fault: Fault) -> String {
        fault.description.hasPrefix("\(unit):") ? fault.description : "\(unit): \(fault)"
    }

    private func count(_ outcome: Outcome, _ unit: String, _ log: Logger) {
        let soFar = record.with { record in
            record.forgetEarlierFailure(of: unit)
            record.done += 1
            record.bytesIn += outcome.bytesIn
            record.bytesOut += outcome.bytesOut
            record.add(outcome.costs)
            if let why = Self.summary(outcome.warnings) { record.warnings.append(.init(unit: unit, why: why)) }
            return record
        }
        tell(soFar)
        for warning in outcome.warnings { log.warning("\(unit): \(warning)") }
    }

    /// Tells the service manager how far it is.
    private func tell(_ record: StageRecord) {
        let failed = record.failed.isEmpty ? "" : ", \(record.failed.count) failed"
        ServiceNotice.send(
            "STATUS=\(stage.rawValue) \(record.job) \(record.run): \(record.done + record.skipped) of \(record.units)"
                + "\(failed), \(ByteCount(bytes: record.bytesOut)) written")
    }

    /// Fails what can't be tried at all, beside the units.
    package func fail(_ unit: String, _ fault: Fault) {
        // Trying later is nothing that is wrong.
        let hint = fault.hint.flatMap { hint in hints.with { $0.insert(hint).inserted } ? hint : nil }
        context.log.tell(fault.code == .tryLater ? .notice : .error, Self.naming(unit, fault), hint: hint)
        record.with { record in
            record.forgetEarlierFailure(of: unit)
            record.failed.append(
                .init(
                    unit: unit, why: fault.description, isLater: fault.code == .tryLater, reason: fault.code.description
                ))
        }
    }

    /// Notes what needs eyes though every unit is done; makes the attempt partial.
    package func warn(_ unit: String, _ why: String) {
        context.log.warning("\(unit): \(why)")
        record.with { $0.warnings.append(.init(unit: unit, why: why)) }
    }

    /// Notes that units are missing for now, though none of this attempt's own has failed.
    package func postpone(_ why: String) {
        record.with { $0.failed.append(.init(unit: StageRecord.FailedUnit.attempt, why: why, isLater: true)) }
    }

    /// Closes the record.
    ///
    /// - Parameters:
    ///   - isComplete: false when some units of the run are not done, so that the stage can't be.
    ///   - wasStopped: true when a signal ended the attempt, which has failed then.
    /// - Returns: the record as it was closed.
    /// - Throws: the system's fault, such as `noSpace`, when the record can't be written.
    package func close(isComplete: Bool, wasStopped: Bool = false) throws(Fault) -> StageRecord {
        let finished = context.clock.now().rfc3339
        let seconds = Clock.monotonic() - started
        let isNarrowed = context.request.isNarrowed
        let wasClosed = previous?.state == .done && previous?.upstream == record.with { $0.upstream }
        let closed = record.with { record in
            record.failed.sort { $0.unit < $1.unit }
            record.warnings.sort { $0.unit < $1.unit }
            record.finishedAt = finished
            record.seconds = (seconds * 1_000).rounded() / 1_000
            if wasStopped {
                record.state = .failed
                record.failed.append(
                    .init(
                        unit: StageRecord.FailedUnit.attempt, why: "stopped by a signal",
                        reason: Fault.Code.interrupted.description))
            } else if !record.failed.isEmpty {
                record.state = record.done + record.skipped == 0 ? .failed : .partial
            } else if !isComplete || (isNarrowed && !wasClosed) || !record.warnings.isEmpty {
                record.state = .partial
            } else {
                record.state = .done
            }
            return record
        }
        try run.write(closed)
        return closed
    }
}

extension StageRecord {
    fileprivate mutating func forgetEarlierFailure(of unit: String) {
        failed.removeAll { $0.isEarlier == true && $0.unit == unit }
    }
}
