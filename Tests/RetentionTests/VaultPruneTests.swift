import Ledger
import Platform
import Retention
import Staging
import TestSupport
import Testing
import Vault

@Suite struct VaultPruneTests {
    private static let policy = RetentionPolicy(keepLast: 1, grace: 1)

    /// The numbers of archives in a vault that are on their way out.
    private func departing(_ job: SmallJob) throws -> [String] {
        try Departures(job.vaults[0], of: job.directory).filter { $0.kind == .archive }.map(\.run)
            .sorted()
    }

    @Test func `more than can begin at once goes by and by, the oldest runs first, and the alarm counts all`() throws {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            let vault = job.vaults[0]
            var days: [String] = []
            for day in 0..<6 {
                // All is new each night, and one file never changes.
                try job.night(
                    "a",
                    ["acme/x": SmallJob.file("x\(day)", day: day), "globex/y": SmallJob.file("y\(day)", day: day)])
                days.append(job.today.description)
            }
            // Two archives a run: four of the ten that go may begin.
            let alarm = try job.prune(vault, Self.policy) {
                $0.mostAtOnce = 4
                $0.approved = []
            }
            #expect(alarm.trips.map(\.tenant) == ["acme", "globex"])
            #expect(alarm.trips.map(\.going) == [5, 5])
            #expect(alarm.trips.map(\.all) == [6, 6])
            #expect(try departing(job) == [])
            for round in 1...3 {
                let plan = try job.prune(vault, Self.policy) {
                    $0.mostAtOnce = 4
                    // Said once for all of it.
                    if round > 1 { $0.approved = [] }
                }
                #expect(plan.trips.isEmpty)
                let begun = plan.items(.quarantine).filter { $0.kind == .archive }.count
                let runs = days.prefix(min(5, 2 * round)).flatMap { [$0, $0] }
                #expect(begun == (round < 3 ? 4 : 2))
                #expect(plan.waiting == (round == 1 ? 9 : round == 2 ? 3 : nil))
                #expect(try departing(job) == runs)
            }
            for _ in 0..<3 {
                job.pass(days: 1)
                try job.prune(vault, Self.policy)
            }
            #expect(try job.archives(vault).count == 2)
            #expect(try job.restore("a", job.today.adding(days: -3), vault)?.count == 2)
        }
    }

    @Test func `what a cut cache lacks is looked up, and nothing that is needed goes`() throws {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            for day in 0..<3 {
                // Carried by every run.
                try job.night("a", ["acme/old": SmallJob.file("old"), "acme/x": SmallJob.file("x\(day)", day: day)])
            }
            try job.prune(job.vaults[0], Self.policy)
            let place = try Directory.open(top + "/state/references/siem")
            // A table that ends too early, though its members are whole.
            for name in try place.names() { try PendingFile.write(try gzipped([]), to: name, in: place) }
            for _ in 0..<3 {
                job.pass(days: 1)
                try job.prune(job.vaults[0], Self.policy)
            }
            let files = try job.restore("a", job.today.adding(days: -3), job.vaults[0])
            #expect(files?["acme/old"] == Array("old".utf8))
        }
    }

    @Test func `what a vault has lost is forgotten with its manifest, and undo tells so`() throws {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            let vault = job.vaults[0]
            for day in 0..<2 { try job.night("a", ["acme/x": SmallJob.file("x\(day)", day: day)]) }
            for _ in 0..<3 {
                try job.prune(vault, Self.policy)
                job.pass(days: 1)
            }
            var departures = try Departures(vault, of: job.directory)
            let states = departures.map(\.state)
            #expect(states == [.gone, .gone])
            let undo = Undo(vault, of: job.directory)
            let plan = try undo.plan(.init(), departures)
            let result = try undo.carryOut(plan.departures, &departures, why: nil)
            #expect(Set(result.taken.values) == [.gone])
            job.pass(days: 1)
            try job.prune(vault, Self.policy)
            #expect(try Departures(vault, of: job.directory).isEmpty)
            let ledger = try Directory.open(top + "/staging/siem/ledger")
            let left = try ledger.directory("_retired").names()
            #expect(left.isEmpty)
        }
    }

    @Test func `what is retired and not shown is counted, marked again, and released when it is needed`()
        throws
    {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            let vault = job.vaults[0]
            for day in 0..<4 { try job.night("a", ["acme/x": SmallJob.file("x\(day)", day: day)]) }
            func prune(_ policy: RetentionPolicy, shown: Int) throws -> VaultPrunePlan {
                try job.prune(vault, policy) {
                    $0.expires = false
                    $0.mostShown = shown
                }
            }
            for _ in 0..<2 {
                _ = try prune(Self.policy, shown: 1)
                job.pass(days: 1)
            }
            let retired = try Departures(vault, of: job.directory).filter { $0.state == .retired }
            #expect(retired.count == 6)
            // As a kill between the ledger and the marks leaves it.
            for departure in retired { _ = try vault.store.takeBack(try ObjectKey(departure.key)) }
            let plan = try prune(Self.policy, shown: 1)
            #expect(plan.items(.leave).count == 1 && plan.leaving == 5)
            let all = retired.reduce(0) { $0 + $1.size }
            #expect(plan.items.reduce(plan.leavingBytes ?? 0) { $0 + $1.bytes } == all)
            for departure in retired { #expect(try vault.store.retirement(try ObjectKey(departure.key)) != nil) }
            // A hold is asked about all of them.
            let held = try job.prune(vault, Self.policy) {
                $0.mostShown = 1
                $0.holds = [LegalHold(tenant: "acme", until: nil, why: "court")]
            }
            #expect(held.items(.release).count == 6 && held.leaving == nil)
            #expect(try job.restore("a", job.today.adding(days: -5), vault) == ["acme/x": Array("x0".utf8)])
        }
    }
}
