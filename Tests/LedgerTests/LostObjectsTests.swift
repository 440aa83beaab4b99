import Ledger
import Platform
import TestSupport
import Testing

struct LostObjectsTests {
    @Test func `what is lost is remembered until nothing is`() throws {
        try withTemporaryDirectory { path in
            let ledger = LedgerDirectory(try Directory.open(path))
            #expect(try ledger.lost().keys == [])
            var lost = LostObjects()
            lost.objects["siem/a.tar.gz"] = .init(
                vault: "cold", why: "is not in the vault", noticed: "2026-11-20T01:02:03Z")
            try ledger.setLost(lost)
            #expect(try ledger.lost() == lost)
            #expect(try ledger.runs() == [])
            try TreeBuilder(path).file("_lost.json", text: "{}")
            try expectFault(.damaged, "_lost.json") { try ledger.lost() }
            lost.objects = [:]
            try ledger.setLost(lost)
            #expect(try Directory.open(path).names() == [])
        }
    }
}
