package import ArgumentParser
import Glibc
package import Ledger
package import Platform

/// The exit status of every door.
///
/// It is API: scripts and systemd units read it.
package enum ExitStatus {
    package static let done: Int32 = 0
    package static let failed: Int32 = 1
    /// Some units failed; what the others did is safe.
    package static let partial: Int32 = 3
    /// The command line is wrong (sysexits.h EX_USAGE).
    package static let usage: Int32 = 64
    /// Try later: lock held, upstream not ready, paused (EX_TEMPFAIL).
    package static let tryLater: Int32 = 75
    /// A settings file is wrong (EX_CONFIG).
    package static let settings: Int32 = 78

    /// The one table from faults to exit status.
    package static func of(_ fault: Fault) -> Int32 {
        switch fault.code {
        case .usage: usage
        case .settings: settings
        case .tryLater: tryLater
        case .incomplete: partial
        case .interrupted: 128 + (Shutdown.requested ?? 15)
        // The end is that of a program that SIGPIPE kills.
        case .readerGone: 128 + SIGPIPE
        default: failed
        }
    }

    /// What the attempts of some runs come to.
    package static func of(_ records: [StageRecord]) -> Int32 {
        if records.allSatisfy({ $0.state == .done }) { return done }
        let failures = records.flatMap(\.failed)
        if !failures.isEmpty, failures.allSatisfy({ $0.isLater == true }), records.allSatisfy({ $0.warnings.isEmpty }) {
            return tryLater
        }
        return records.allSatisfy({ $0.state == .failed }) ? failed : partial
    }
}

extension ExitCode {
    /// The exit code for a fault, once it has been printed.
    package static func of(_ fault: Fault) -> ExitCode { ExitCode(ExitStatus.of(fault)) }
}
