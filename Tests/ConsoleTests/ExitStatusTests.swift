import ArgumentParser
import Console
import Glibc
import Ledger
import Platform
import Staging
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ExitStatusTests {
    @Test(
        arguments: [
            (.usage, 64), (.settings, 78), (.tryLater, 75), (.incomplete, 3), (.interrupted, 143), (.io, 1),
            (.noSpace, 1),
            (.notFound, 1), (.exists, 1), (.permission, 1), (.damaged, 1), (.changed, 1), (.unmounted, 1), (.limit, 1),
            (.unsupported, 1), (.readerGone, 141),
        ] as [(Fault.Code, Int32)])
    func `each kind of fault has its status`(code: Fault.Code, status: Int32) {
        #expect(ExitStatus.of(Fault(code, "words")) == status)
        #expect(ExitCode.of(Fault(code, "words")).rawValue == status)
    }

    private func record(_ state: StageRecord.State) -> StageRecord {
        StageRecord(
            job: "siem", run: "2026-11-20", stage: .pack, attempt: "a", state: state, host: "h", pid: 1, startedAt: "")
    }

    @Test(
        arguments: [
            ([], 0), ([.done], 0), ([.done, .done], 0), ([.partial], 3), ([.failed], 1), ([.failed, .failed], 1),
            ([.done, .failed], 3), ([.done, .partial], 3), ([.partial, .failed], 3), ([.running], 3),
        ] as [([StageRecord.State], Int32)])
    func `several runs have one status`(states: [StageRecord.State], status: Int32) {
        let records = states.map(record)
        #expect(ExitStatus.of(records) == status)
    }

    // MARK: The door

    @Test(arguments: [(Int32(0), true), (3, true), (75, true), (64, false)])
    func `a command ends with its status`(status: Int32, isReturned: Bool) async {
        await #expect(processExitsWith: .exitCode(status)) {
            [status = status as Int32, isReturned = isReturned as Bool] in
            endThroughDoor { if isReturned { return status } else { throw Fault(.usage, "no job given") } }
        }
    }

    @Test func `a fault is told on stderr, with its advice on a line of its own`() async throws {
        let result = await #expect(processExitsWith: .exitCode(78), observing: [\.standardErrorContent]) {
            unsetenv("JOURNAL_STREAM")
            endThroughDoor { throw Fault(.settings, "jobs.d/a.toml:3: unknown key", hint: "Did you mean 'hosts'?") }
        }
        let errors = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(errors.contains(": error: jobs.d/a.toml:3: unknown key\nHINT: Did you mean 'hosts'?\n"), "\(errors)")
    }

    @Test func `the journal gets levels`() async throws {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            claimJournal()
            endThroughDoor { throw Fault(.io, "read x: input/output error", hint: "Look at the disk.") }
        }
        let errors = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(errors.contains("<3>read x: input/output error\n<3>HINT: Look at the disk.\n"), "\(errors)")
    }

    @Test func `an end that nobody reads is that of a program that SIGPIPE kills, and nothing is said`() async throws {
        let result = await #expect(processExitsWith: .exitCode(141), observing: [\.standardErrorContent]) {
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            dup2(ends[1], STDOUT_FILENO)
            for end in ends { close(end) }
            endThroughDoor {
                try Output.write([0x61])
                return 0
            }
        }
        let errors = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(!errors.contains("error"), "\(errors)")
    }

    @Test func `what the attempts came to is told in a few words`() async throws {
        let result = await #expect(processExitsWith: .exitCode(3), observing: [\.standardOutputContent]) {
            finishRecords()
        }
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        #expect(
            output.contains(
                """
                ship siem 2026-11-20: partial, 2 units, 3 done before, 2 failed, 1 to be tried later, 12 with warnings, 3 KiB in, 1 KiB out, 1.5 s
                  failed: web1
                  failed before: web4: no route
                  to be tried later: web5
                  with warnings: web2, web3, web3, web3, web3, web3, web3, web3, web3, web3 and 2 more
                  cold: 3 objects, 1 KiB, 9 requests, about 0.0021 USD and 1.50 USD a month by the prices of 2025-01-01

                """), "\(output)")
    }

    @Test func `runs that could not be worked on come after those that could`() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(3), observing: [\.standardOutputContent, \.standardErrorContent]
        ) {
            let record = StageRecord(
                job: "siem", run: "2026-11-20", stage: .pack, attempt: "a", state: .done, host: "h", pid: 1,
                startedAt: "")
            endThroughDoor {
                let fault = Fault(.incomplete, "the list is torn", hint: "Mend it.")
                return try Door.finish(
                    StageResult(records: [record], fault: fault), Output(isJSON: false), nothing: "")
            }
        }
        let ended = try #require(result)
        #expect(String(decoding: ended.standardOutputContent, as: UTF8.self).contains("2026-11-20: done"))
        #expect(String(decoding: ended.standardErrorContent, as: UTF8.self).contains("torn\nHINT: Mend it.\n"))
    }

    @Test func `no attempt at all is told, too`() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            let status = try Door.finish(StageResult(), Output(isJSON: false), nothing: "nothing to pack")
            fflush(nil)
            try #require(status == 0)
        }
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        #expect(output.contains("nothing to pack\n"))
    }
}

private func endThroughDoor(_ body: () throws -> Int32) -> Never {
    do { try Door.run(body) } catch {
        exit((error as? ExitCode)?.rawValue ?? 99)
    }
    exit(0)
}

private func finishRecords() -> Never {
    var record = StageRecord(
        job: "siem", run: "2026-11-20", stage: .ship, attempt: "a", state: .partial, host: "h", pid: 1, startedAt: "")
    record.costs = ["cold": CostEstimate(objects: 3, bytes: 1_024, requests: 9, now: 0.0021, month: 1.5)]
    record.pricesOf = "2025-01-01"
    (record.done, record.skipped, record.bytesIn, record.bytesOut, record.seconds) = (2, 3, 3_072, 1_024, 1.5)
    // What this attempt found has been said by then; what it left to an earlier one has not.
    record.failed = [
        .init(unit: "web1", why: "no route"), .init(unit: "web4", why: "no route", isEarlier: true),
        .init(unit: "web5", why: "outside the window", isLater: true),
    ]
    record.warnings = ["web2"].map { .init(unit: $0, why: "a file vanished") }
    record.warnings += Array(repeating: .init(unit: "web3", why: "a file vanished"), count: 11)
    let records = [record]
    endThroughDoor { try Door.finish(StageResult(records: records), Output(isJSON: false), nothing: "") }
}
