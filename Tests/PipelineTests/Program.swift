import Glibc
import TestSupport

/// One of the programs that are tested.
enum Program: String, CaseIterable, Sendable {
    case collect, pack, ship

    private static let directory =
        getenv("COLDCHAIN_BIN").map { String(cString: $0) } ?? Repository.root + "/.build/release"

    var path: String { Self.directory + "/" + rawValue }
}

/// What happens to a program at one of its system calls; see ``FaultLibrary``.
struct Injection: Sendable, CustomStringConvertible {
    enum Action: Sendable, Equatable {
        /// Nothing; the number of calls is written to the mark.
        case count
        case kill
        /// Half of the bytes are written, then the process is killed.
        case tear
        /// The call reports this error.
        case error(Int32)
        /// This call and all later ones report this error.
        case fail(Int32)
        /// The mark is made, and the call waits until it is removed.
        case hold
    }

    var calls: [String]
    var when = 1
    var action: Action
    /// Only calls on paths with this prefix.
    var below: String
    var mark: String?

    var description: String { "\(action) at \(calls.joined(separator: "/")) \(when)" }

    func environment(_ library: String) -> [String: String?] {
        var environment: [String: String?] = [
            "LD_PRELOAD": library, "COLDCHAIN_FAULT_CALLS": calls.map { $0 + "," }.joined(),
            "COLDCHAIN_FAULT_WHEN": "\(when)", "COLDCHAIN_FAULT_BELOW": below,
        ]
        if let mark { environment["COLDCHAIN_FAULT_MARK"] = mark }
        switch action {
        case .count: environment["COLDCHAIN_FAULT_ACTION"] = "count"
        case .kill: environment["COLDCHAIN_FAULT_ACTION"] = "kill"
        case .tear: environment["COLDCHAIN_FAULT_ACTION"] = "tear"
        case .hold: environment["COLDCHAIN_FAULT_ACTION"] = "hold"
        case .error(let number):
            environment["COLDCHAIN_FAULT_ACTION"] = "error"
            environment["COLDCHAIN_FAULT_ERRNO"] = "\(number)"
        case .fail(let number):
            environment["COLDCHAIN_FAULT_ACTION"] = "fail"
            environment["COLDCHAIN_FAULT_ERRNO"] = "\(number)"
        }
        return environment
    }
}

extension RunResult {
    /// Whether the program crashed instead of ending by itself: a trap, a bad access, an abort.
    var isCrash: Bool {
        let words = errors + output
        return [132, 133, 134, 135, 136, 139].contains(status) || words.contains("Fatal error")
            || words.contains("Program crashed")
    }
}
