import ArgumentParser
import CLinux
import Glibc
import Ledger
import Logging
package import Platform
package import Staging

/// What the three doors do alike around their work: signals, faults to stderr, exit status.
package enum Door {
    /// Runs the work of a command and ends the process with the right status.
    ///
    /// - Parameter body: returns the exit status.
    /// - Throws: an exit code, for ArgumentParser to end with.
    package static func run(_ body: () throws -> Int32) throws {
        Shutdown.install()
        Heartbeat.start()
        _ = clinux_raise_open_files()
        let status: Int32
        do { status = try body() } catch let code as ExitCode {
            throw code
        } catch {
            let fault = Fault.wrapping(error)
            // Nobody is there any more to be told.
            if fault.code != .readerGone { report(fault) }
            throw ExitCode.of(fault)
        }
        if clinux_flush_stdout() != 0 {
            let fault = Output.lastFault()
            if fault.code != .readerGone { report(fault) }
            throw ExitCode.of(fault)
        }
        if status != ExitStatus.done { throw ExitCode(status) }
    }

    /// The name under which this program was started, for messages.
    package static let program = String(CommandLine.arguments[0].split(separator: "/").last ?? "coldchain")

    private static func report(_ fault: Fault) {
        let isJournal = Journal.isStandardError
        // Trying later is nothing that is wrong.
        let level: Logger.Level = fault.code == .tryLater ? .notice : .error
        if LogFormat.current == .json {
            fflush(nil)
            let line = LogLine(level, program: program, fault.description, hint: fault.hint)
            let bytes = line.bytes(isJournal: isJournal) + [0x0A]
            return bytes.withUnsafeBytes { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }
        let prefix = "<\(LogLine.priority(level))>"
        // A newline in a name or in a server's words would fake a second line.
        func line(_ start: String, _ text: String) -> [UInt8] {
            Array(start.utf8) + text.utf8.map { $0 == 0x0A ? 0x20 : $0 } + [0x0A]
        }
        var bytes = line(isJournal ? prefix : "\(program): error: ", fault.description)
        if let hint = fault.hint { bytes += line((isJournal ? prefix : "") + "HINT: ", hint) }
        fflush(nil)
        bytes.withUnsafeBytes { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// Prints what the attempts of a stage came to, and gives the exit status.
    ///
    /// What went wrong in an attempt has been said on stderr when it did, with advice; here the units are named. The
    /// reasons of earlier attempts, which this one let stand, are told once more.
    ///
    /// - Throws: the fault of the runs that could not be worked on, after the others were told.
    package static func finish(_ result: StageResult, _ output: Output, nothing: String) throws(Fault) -> Int32 {
        let records = result.records
        if LogFormat.current == .json, !output.isJSON {
            for record in records { tell(record) }
            if let fault = result.fault { throw fault }
            return records.isEmpty ? ExitStatus.done : ExitStatus.of(records)
        }
        // Nothing to do is not what a fault means.
        if records.isEmpty, !output.isJSON, let fault = result.fault { throw fault }
        try output.result(records) { records.isEmpty ? nothing : records.map(summary).joined(separator: "\n") }
        if let fault = result.fault { throw fault }
        return records.isEmpty ? ExitStatus.done : ExitStatus.of(records)
    }

    /// A run as a message with fields, for those who read messages as JSON: the text for people would be told twice.
    private static func tell(_ record: StageRecord) {
        let log = Logger(label: program) { _ in StderrLogHandler(program: program, level: .info) }
        let level: Logger.Level =
            switch record.state {
            case .done, .running: .info
            case .partial: .warning
            case .failed: .error
            }
        let fields: Logger.Metadata = [
            "job": .string(record.job), "run": .string(record.run), "stage": .string(record.stage.rawValue),
            "state": .string(record.state.rawValue), "units": .stringConvertible(record.units),
            "done": .stringConvertible(record.done), "skipped": .stringConvertible(record.skipped),
            "failed": .stringConvertible(record.failed.count), "warnings": .stringConvertible(record.warnings.count),
            "bytes_in": .stringConvertible(record.bytesIn), "bytes_out": .stringConvertible(record.bytesOut),
            "seconds": .stringConvertible(record.seconds),
        ]
        log.log(level: level, "\(summary(record))", metadata: fields)
    }

    static func summary(_ record: StageRecord) -> String {
        var words: [String] = []
        if record.done > 0 || record.skipped == 0 { words.append(Figures.count(Int64(record.done), "unit", "units")) }
        if record.skipped > 0 { words.append("\(record.skipped) done before") }
        let later = record.failed.filter { $0.isLater == true }
        let failed = record.failed.filter { $0.isLater != true }
        if !failed.isEmpty { words.append("\(failed.count) failed") }
        if !later.isEmpty { words.append("\(later.count) to be tried later") }
        if record.leftOut > 0 { words.append("\(record.leftOut) left out") }
        if !record.warnings.isEmpty { words.append("\(record.warnings.count) with warnings") }
        var text =
            "\(record.stage.rawValue) \(record.job) \(record.run): \(record.state.rawValue), \(words.joined(separator: ", "))"
        // The figures of a run are no figures of an attempt that did nothing.
        if record.done > 0 || record.skipped == 0 {
            text += ", \(Figures.bytes(record.bytesIn)) in, \(Figures.bytes(record.bytesOut)) out"
        }
        text += ", \(Figures.seconds(record.seconds))"
        text += told("failed", failed) + told("to be tried later", later) + told("with warnings", record.warnings)
        for (vault, cost) in (record.costs ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let date = record.pricesOf.flatMap({ CivilDate($0) }) else { continue }
            text += "\n  \(vault): \(Figures.costs(cost, pricesOf: date))"
        }
        return text
    }

    /// The most units of one kind that are named on one line.
    private static let named = 10

    private static func told(_ what: String, _ units: [StageRecord.FailedUnit]) -> String {
        let now = units.filter { $0.isEarlier != true }.map(\.unit)
        var text = now.isEmpty ? "" : "\n  \(what): " + now.prefix(named).joined(separator: ", ")
        if now.count > named { text += " and \(now.count - named) more" }
        for unit in units where unit.isEarlier == true { text += "\n  \(what) before: \(unit.text)" }
        return text
    }
}
