import Ledger
import Platform
import Settings
import Staging
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct FollowingTests {
    private static func date(_ day: Int) -> CivilDate { CivilDate(dayNumber: 20_770 + day) }

    /// What a follower was given, in order: `work DAY` or `follow DAY`.
    private final class Steps: Sendable {
        private let steps = Monitor<[String]>([])
        var all: [String] { steps.with { $0 } }
        func add(_ step: String, _ run: RunDirectory) {
            steps.with { $0.append("\(step) \(run.date.dayNumber - 20_770)") }
        }
    }

    /// Leaves a run that collect has ended, with one host.
    private static func end(_ bench: Bench, _ day: Int) throws {
        try bench.leave(.collect, .done, on: date(day), attempt: "attempt-\(day)")
        try bench.leaveUnit(.collect, "web1", on: date(day))
    }

    private static func record(_ bench: Bench, _ run: RunDirectory) throws -> StageRecord {
        try bench.leave(.pack, .done, on: run.date, upstream: try run.stageRecord(.collect)?.attempt)
    }

    private static func follow(
        _ bench: Bench, _ change: (inout StageContext.Request) -> Void = { _ in },
        work: @escaping (RunDirectory) throws -> StageRecord?,
        follow: @escaping (UpstreamAttempt) throws -> StageRecord? = { _ in nil }
    ) throws -> StageResult {
        let context = try bench.context(change)
        return try Following(.collect, context, wait: Period(seconds: 1), betweenRuns: 0.7).run(
            pending: { () throws(Fault) in try PendingRuns(context).after(.collect, for: .pack) }, work: work,
            follow: follow)
    }

    @Test func `a run that ends while another is followed is worked on, once`() async throws {
        let bench = try Bench()
        let steps = Steps()
        try await onOwnThread {
            let context = try bench.context()
            let collect = try StageAttempt(.collect, of: bench.run(Self.date(1)), context)
            let first = Monitor<StageAttempt?>(consume collect)
            try first.with { try $0?.open(upstream: nil, units: 1, before: []) }
            let result = try Self.follow(
                bench,
                work: { run in
                    steps.add("work", run)
                    return try Self.record(bench, run)
                },
                follow: { attempt in
                    steps.add("follow", attempt.run)
                    // The follower is still at the first run when collect has done with the second, too.
                    try bench.leaveUnit(.collect, "web1", on: Self.date(1))
                    _ = try first.with { try $0?.close(isComplete: true) }
                    first.with { $0 = nil }
                    try Self.end(bench, 2)
                    return try Self.record(bench, attempt.run)
                })
            let runs = [Self.date(1), Self.date(2)].map(\.description)
            #expect(result.fault == nil && result.records.map(\.run) == runs)
        }
        #expect(steps.all == ["follow 1", "work 2"])
    }

    @Test func `a run that ends while pending ones are worked on is worked on, too`() async throws {
        let bench = try Bench()
        let steps = Steps()
        try await onOwnThread {
            try Self.end(bench, 1)
            let result = try Self.follow(
                bench,
                work: { run in
                    steps.add("work", run)
                    if run.date == Self.date(1) { try Self.end(bench, 2) }
                    return try Self.record(bench, run)
                })
            #expect(result.fault == nil && result.records.count == 2)
        }
        #expect(steps.all == ["work 1", "work 2"])
    }

    @Test func `a pending run that fails is tried once, and keeps no other from being followed`() async throws {
        let bench = try Bench()
        let steps = Steps()
        try await onOwnThread {
            try Self.end(bench, 1)
            let context = try bench.context()
            let second = try StageAttempt(.collect, of: bench.run(Self.date(2)), context)
            try second.open(upstream: nil, units: 1, before: [])
            let result = try Self.follow(
                bench,
                work: { run in
                    steps.add("work", run)
                    throw Fault(.damaged, "the entry list is not the one that its record names")
                },
                follow: { attempt in
                    steps.add("follow", attempt.run)
                    try bench.leaveUnit(.collect, "web1", on: Self.date(2))
                    _ = try second.close(isComplete: true)
                    return try Self.record(bench, attempt.run)
                })
            #expect(result.records.map(\.run) == [Self.date(2).description])
            // A part has failed.
            #expect(result.fault?.code == .incomplete)
            #expect(result.fault?.message == "the entry list is not the one that its record names")
        }
        #expect(steps.all == ["work 1", "follow 2"])
    }

    @Test func `a pending run without what is selected does not end the follower`() async throws {
        let bench = try Bench()
        let steps = Steps()
        try await onOwnThread {
            try Self.end(bench, 1)
            let second = try StageAttempt(.collect, of: bench.run(Self.date(2)), try bench.context())
            try second.open(upstream: nil, units: 1, before: [])
            let result = try Self.follow(bench, { $0.only = [Glob("acme/*")] }, work: { _ in nil }) { attempt in
                steps.add("follow", attempt.run)
                _ = try second.close(isComplete: true)
                return try Self.record(bench, attempt.run)
            }
            #expect(result.records.count == 1 && result.fault == nil)
        }
        #expect(steps.all == ["follow 2"])
        let failure = try await onOwnThread {
            fault { try Self.follow(bench, { $0.only = [Glob("acme/*")] }, work: { _ in nil }) }
        }
        #expect(failure?.code == .notFound)
    }

    @Test func `where all fails, the fault is that of the runs`() async throws {
        let bench = try Bench()
        let failed = try await onOwnThread {
            try Self.end(bench, 1)
            return try Self.follow(bench, work: { _ in throw Fault(.damaged, "rotten") })
        }
        #expect(failed.records.isEmpty && failed.fault?.code == .damaged && failed.fault?.message == "rotten")
        let empty = try Bench()
        let nothing = try await onOwnThread { fault { try Self.follow(empty, work: { _ in nil }) } }
        #expect(nothing?.code == .tryLater)
        #expect(nothing?.message == "no attempt of collect siem runs, and none began within 1 s")
    }
}
