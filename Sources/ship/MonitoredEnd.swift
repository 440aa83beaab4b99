import Ledger
import Settings

/// How systemd saw a unit end: `MONITOR_*`, as systemd.exec(5) passes them to a unit of `OnFailure=` and `OnSuccess=`.
struct MonitoredEnd {
    /// What the unit does: a stage, or another task of a job.
    var task: String
    var job: String
    var invocation: String?

    /// The tasks that have units, besides the stages.
    private static let others = ["prune", "verify"]

    /// The stage, where the task is one.
    var stage: Stage? { Stage(rawValue: task) }

    /// What is to be told; nothing for an end that is nobody's business: "try later".
    var event: NotifySettings.Event?
    /// The end in words.
    var text: String?

    /// Reads what stands in the environment; nothing comes of a name that is no unit of ours.
    ///
    /// - Parameters:
    ///   - unit: the unit's name, with `.service` as the units name it for `OnFailure=`, and without for `OnSuccess=`.
    ///   - environment: `MONITOR_SERVICE_RESULT`, `MONITOR_EXIT_CODE`, `MONITOR_EXIT_STATUS`, `MONITOR_INVOCATION_ID`.
    init?(unit: String, environment: [String: String]) {
        let hasFailed = unit.hasSuffix(".service")
        let name = hasFailed ? String(unit.dropLast(".service".count)) : unit
        let parts = name.split(separator: "@", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0].hasPrefix("coldchain-") else { return nil }
        task = String(parts[0].dropFirst("coldchain-".count))
        guard Stage(rawValue: task) != nil || Self.others.contains(task) else { return nil }
        job = parts[1]
        invocation = environment["MONITOR_INVOCATION_ID"]
        let result = environment["MONITOR_SERVICE_RESULT"]
        let status = environment["MONITOR_EXIT_STATUS"] ?? "?"
        let isExit = environment["MONITOR_EXIT_CODE"] == "exited"
        switch result {
        // What stands there then is of the start before, or of the next.
        case "success" where hasFailed:
            (event, invocation) = (.failure, nil)
            text = "was not started, since something that it needs is not there, or has failed and was started again"
        case "success" where isExit && status == "75": event = nil
        // The status is that of its last start.
        case "start-limit-hit":
            event = .failure
            text =
                (isExit && status == "75" ? "was to be tried later" : "was started too often")
                + ", and all of its starts are used up; it begins again with its next timer"
        // systemctl stop, or the machine going down: no failure, but what it had to do is not done.
        case "success" where (isExit && status == "143") || status == "TERM",
            "exit-code" where isExit && (status == "143" || status == "130"),
            "signal" where status == "TERM" || status == "INT":
            (event, text) = (.partial, "was stopped; the next start goes on")
        case "success": event = .success
        case nil:
            event = .failure
            text = "ended, and systemd does not say how"
        case "oom-kill": (event, text) = (.failure, "killed: the machine or the unit had no memory left")
        case "timeout": (event, text) = (.failure, "ended by systemd: its time was over")
        case "watchdog": (event, text) = (.failure, "killed by systemd: nothing in it moved any more")
        case "exit-code" where isExit && status == "3": event = .partial
        case "exit-code": (event, text) = (.failure, "ended with status \(status)")
        case "signal", "core-dump": (event, text) = (.failure, "killed by signal \(status)")
        case let other?: (event, text) = (.failure, "failed: \(other)")
        }
    }
}
