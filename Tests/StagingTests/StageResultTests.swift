import Ledger
import Platform
import Staging
import TestSupport
import Testing

struct StageResultTests {
    /// The result of some runs, each of which is its outcome: a fault, nothing, or a record.
    private func result(_ runs: [Fault.Code?], skipping: Set<Int> = []) throws -> StageResult {
        try StageResult(of: Array(runs.enumerated())) { number, code in
            if let code { throw Fault(code, "run \(number)", hint: "Look at \(code).") }
            if skipping.contains(number) { return nil }
            return StageRecord(
                job: "siem", run: "\(number)", stage: .pack, attempt: "a", state: .done, host: "h", pid: 1,
                startedAt: "")
        }
    }

    @Test func `a run that can't be worked on does not stop the others`() throws {
        let result = try result([nil, .damaged, .tryLater, nil, .damaged, nil], skipping: [3])
        #expect(result.records.map(\.run) == ["0", "5"])
        #expect(result.fault?.code == .incomplete)
        #expect(result.fault?.message == "run 1\nrun 2\nrun 4")
        #expect(result.fault?.hint == "Look at damaged.\nLook at tryLater.")
    }

    @Test func `a run to try later is no failure of the others`() throws {
        let result = try result([.tryLater, nil])
        #expect(result.records.count == 1 && result.fault?.code == .tryLater)
    }

    @Test(
        arguments: [
            ([.tryLater], .tryLater), ([.damaged], .damaged), ([.tryLater, .noSpace], .noSpace),
            ([.tryLater, .tryLater], .tryLater),
        ] as [([Fault.Code?], Fault.Code)])
    func `when none can be worked on, that is the fault`(runs: [Fault.Code?], code: Fault.Code) throws {
        try expectFault(code) { try result(runs) }
    }

    @Test func `a signal ends all`() throws {
        try expectFault(.interrupted) { try result([nil, .interrupted, nil]) }
    }

    @Test func `nothing to do is no fault`() throws {
        let none = try result([])
        #expect(none.records.isEmpty && none.fault == nil)
        let skipped = try result([nil], skipping: [0])
        #expect(skipped.records.isEmpty && skipped.fault == nil)
    }

    @Test func `what was done later counts for its run`() throws {
        var first = try result([nil, nil])
        first.take(try result([.damaged, nil, nil]))
        #expect(first.records.map(\.run) == ["0", "1", "2"])
        #expect(first.fault?.code == .incomplete)
    }
}
