import Logging
package import Platform

/// Tells what could not be restored, entry by entry, and what a restore came to.
package final class RestoreReport {
    private let output: Output
    private let log: Logger
    private var hints: Set<String> = []
    /// Entries that could not be restored.
    package private(set) var failed: Int64 = 0
    /// Whether something is missing besides: entries that nobody can name, or parts of some.
    private var isIncomplete = false

    package init(_ common: CommonOptions) {
        output = common.output
        log = common.logger()
    }

    /// An entry could not be restored.
    package func failed(_ name: ByteString, _ fault: Fault) {
        failed += 1
        tell("\(name): not restored: \(fault)", fault)
    }

    /// What tells the entries of `name` could not be read.
    package func lost(_ name: String, _ fault: Fault) {
        isIncomplete = true
        tell("\(name): \(fault)", fault)
    }

    /// An entry was left out, or restored in part.
    package func leftOut(_ what: String) {
        isIncomplete = true
        log.warning("\(what)")
    }

    /// Each hint is given once: a thousand files may be in the way.
    private func tell(_ text: String, _ fault: Fault) {
        let hint = fault.hint.flatMap { hints.insert($0).inserted ? " HINT: \($0)" : nil }
        log.error("\(text)\(hint ?? "")")
    }

    /// Whether everything could be read and restored so far.
    package var isClean: Bool { failed == 0 && !isIncomplete }

    /// Prints the sum, and gives the exit status: partial when some entries are missing, failed when all are.
    package func finish(to place: String, restored: Int64, kept: Int64, bytes: Int64) throws(Fault) -> Int32 {
        try output.result(["restored": restored, "kept": kept, "failed": failed, "bytes": bytes]) {
            "\(restored) restored to \(place), \(Figures.wereThere(kept)), "
                + (failed > 0 ? "\(failed) could not be restored, " : "") + Figures.bytes(bytes)
        }
        if isClean { return ExitStatus.done }
        return restored + kept > 0 ? ExitStatus.partial : ExitStatus.failed
    }
}
