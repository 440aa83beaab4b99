import Logging
package import Platform
import Staging

/// Tells what could not be restored, entry by entry, and what a restore came to; several threads may tell it.
package final class RestoreReport: Sendable {
    private let output: Output
    private let log: Logger

    private struct State {
        var hints: Set<String> = []
        var failed: Int64 = 0
        var waiting: Int64 = 0
        var isIncomplete = false
    }
    private let state = Monitor(State())

    /// Entries that could not be restored.
    package var failed: Int64 { state.with { $0.failed } }
    /// Entries that can be restored later.
    package var waiting: Int64 { state.with { $0.waiting } }

    package init(_ common: CommonOptions) {
        output = common.output
        log = common.logger()
    }

    /// An entry could not be restored.
    package func failed(_ name: ByteString, _ fault: Fault) {
        state.with { $0.failed += 1 }
        tell("\(name): not restored: \(fault)", fault)
    }

    /// Some entries wait until their archive can be read.
    package func waits(_ entries: Int64) { state.with { $0.waiting += entries } }

    /// What tells the entries of `name` could not be read.
    package func lost(_ name: String, _ fault: Fault) {
        state.with { $0.isIncomplete = true }
        tell("\(name): \(fault)", fault)
    }

    /// An entry was left out, or restored in part.
    package func leftOut(_ what: String) {
        state.with { $0.isIncomplete = true }
        log.warning("\(what)")
    }

    /// Each hint is given once: a thousand files may be in the way.
    private func tell(_ text: String, _ fault: Fault) {
        let hint = fault.hint.flatMap { hint in state.with { $0.hints.insert(hint).inserted } ? hint : nil }
        log.tell(.error, text, hint: hint)
    }

    /// Whether everything could be read and restored so far.
    package var isClean: Bool { state.with { $0.failed == 0 && !$0.isIncomplete } }

    /// Prints the sum, and gives the exit status: try later while entries wait, partial when some are missing, failed when all
    /// are.
    package func finish(to place: String, restored: Int64, kept: Int64, bytes: Int64) throws(Fault) -> Int32 {
        let (failed, waiting) = (failed, waiting)
        var sums = ["restored": restored, "kept": kept, "failed": failed, "bytes": bytes]
        if waiting > 0 { sums["waiting"] = waiting }
        try output.result(sums) {
            "\(restored) restored to \(place), \(Figures.wereThere(kept)), "
                + (failed > 0 ? "\(failed) could not be restored, " : "")
                + (waiting > 0 ? "\(Figures.count(waiting, "waits", "wait")) for a thaw, " : "") + Figures.bytes(bytes)
        }
        if waiting > 0 { return ExitStatus.tryLater }
        if isClean { return ExitStatus.done }
        return restored + kept > 0 ? ExitStatus.partial : ExitStatus.failed
    }
}
