package import Ledger
package import Platform

/// An attempt that could not do its units.
extension StageAttempt {
    /// Does the work of the attempt, and closes the record as failed when that ends it with a fault, so that status can
    /// tell why nothing was done.
    ///
    /// A signal, and what only asks to try later, are told by the exit status alone.
    ///
    /// - Parameters:
    ///   - upstream: the attempt of the stage before, from which the units come.
    ///   - body: the work.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws.
    package func recordingFailure<R>(upstream: String?, _ body: () throws -> R) throws -> R {
        do { return try body() } catch {
            let fault = Fault.wrapping(error)
            let isClosed = record.with { $0.state != .running }
            // What stopped it is told even if the record can't be written.
            if !isClosed, ![.interrupted, .tryLater].contains(fault.code) { try? fail(fault, upstream: upstream) }
            throw error
        }
    }

    /// Records why a run could not even be begun, unless it is done, or an attempt runs now.
    package static func recordFailure(
        _ fault: Fault, _ stage: Stage, of run: RunDirectory, upstream: String?, _ context: StageContext
    ) throws(Fault) {
        if let own = try run.stageRecord(stage), own.state == .done, own.upstream == upstream { return }
        do { try StageAttempt(stage, of: run, context).fail(fault, upstream: upstream) } catch {
            if error.code != .tryLater { throw error }
        }
    }

    private func fail(_ fault: Fault, upstream: String?) throws(Fault) {
        let (wasOpened, previous) = (wasOpened.with { $0 }, previous)
        // A run that was done before stays done.
        if !wasOpened, let previous, previous.state == .done, previous.upstream == upstream { return }
        let finished = context.clock.now().rfc3339
        let seconds = Clock.monotonic() - started
        let closed = record.with { record in
            if !wasOpened {
                record.upstream = upstream
                record.vaults = previous?.vaults
                record.units = previous?.units ?? 0
                (record.bytesIn, record.bytesOut) = (previous?.bytesIn ?? 0, previous?.bytesOut ?? 0)
                record.failed = (previous?.failed ?? []).filter { $0.unit != StageRecord.FailedUnit.attempt }.map(
                    \.earlier)
                record.warnings = (previous?.warnings ?? []).map(\.earlier)
            }
            record.failed.insert(
                .init(
                    unit: StageRecord.FailedUnit.attempt, why: fault.description, reason: fault.code.description),
                at: 0)
            record.finishedAt = finished
            record.seconds = (seconds * 1_000).rounded() / 1_000
            record.state = .failed
            return record
        }
        try run.write(closed)
    }
}
