import Settings

@testable import Notify

/// A night that went wrong for one host.
func sampleNotice() -> Notice {
    var notice = Notice(
        event: .partial, tier: .warning, host: "vault1", job: "siem", stage: "pack", at: "2025-11-21T04:05:06Z")
    notice.runs = [
        .init(
            run: "2025-11-20", state: "partial", units: 12, done: 11, failed: 1, bytesIn: 10 << 30, bytesOut: 2 << 30,
            seconds: 3_725)
    ]
    notice.failed = [.init(run: "2025-11-20", unit: "acme/2025/11/20/web1", why: "no space left on device")]
    notice.rerun = ["pack siem --run 2025-11-20 --only acme/2025/11/20/web1"]
    notice.backlog = .init(runs: 2, bytes: 3 << 30, oldest: "2025-11-19")
    notice.trend = ["in 10 GiB, the median of 7 runs is 11 GiB"]
    notice.lines = ["one", "two"]
    notice.metrics = [
        .init("run_seconds", help: "How long the newest run took.", stage: "ship", value: 12.5),
        .init("run_seconds", help: "How long the newest run took.", stage: "pack", value: 3_725),
        .init("backlog_runs", help: "Runs that wait.", value: 2),
    ]
    return notice
}
