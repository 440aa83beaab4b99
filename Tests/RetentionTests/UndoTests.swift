import Ledger
import Platform
import Retention
import Staging
import TestSupport
import Testing
import Vault

@Suite struct UndoTests {
    @Test func `a manifest that can't be read keeps nothing else from coming back`() throws {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            let vault = job.vaults[0]
            for day in 0..<3 { try job.night("a", ["acme/x": SmallJob.file("x\(day)", day: day)]) }
            let policy = RetentionPolicy(keepLast: 1, grace: 0)
            for _ in 0..<2 { try job.prune(vault, policy) { $0.expires = false } }
            var departures = try Departures(vault, of: job.directory)
            let states = departures.map(\.state)
            #expect(states == [.retired, .retired, .retired, .retired])
            // One of the two rots.
            let retired = try Directory.open(top + "/staging/siem/ledger/_retired")
            let first = try retired.directory(try #require(try retired.names().min()))
            let name = try #require(try first.names().min())
            let file = try first.createFile(name)
            try file.write(Array("rot".utf8))
            try file.close()
            var selection = Undo.Selection()
            selection.run = job.today.adding(days: -1)
            let undo = Undo(vault, of: job.directory)
            let plan = try undo.plan(selection, departures)
            #expect(plan.departures.count == 2)
            #expect(plan.unread.count == 1)
            _ = try undo.carryOut(plan.departures, &departures, why: nil)
            #expect(departures.count == 2)
            #expect(try job.restore("a", job.today.adding(days: -1), vault) == ["acme/x": Array("x1".utf8)])
        }
    }
}
