import Ledger
import Platform
import Retention
import Staging
import TestSupport
import Testing
import Vault

@Suite struct DeparturesTests {
    private func departure(_ key: String) -> Departure {
        Departure(
            key: key, kind: .archive, state: .retired, since: Timestamp(seconds: 1_893_456_000), batch: "b", size: 1,
            created: Timestamp(seconds: 1_893_000_000), storageClass: "", tenants: ["acme", "globex"], run: "2030-01-01"
        )
    }

    @Test func `a vault that another one stood in for finds what it was letting go`() throws {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 2)
            let one = OpenVault(name: "disk", store: job.stores[0], identity: "one")
            let other = OpenVault(name: "disk", store: job.stores[1], identity: "other")
            var departures = try Departures(one, of: job.directory)
            departures["a"] = departure("a")
            try departures.save(prunedAt: Timestamp(seconds: 1_893_456_000))
            #expect(try Departures(other, of: job.directory).entries.isEmpty)
            for key in ["b", "c"] {
                var departures = try Departures(other, of: job.directory)
                departures[key] = departure(key)
                try departures.save()
            }
            let back = try Departures(one, of: job.directory)
            #expect(back.entries == ["a": departure("a")])
            #expect(back.prunedAt == Timestamp(seconds: 1_893_456_000))
            #expect(try Departures(other, of: job.directory).entries.keys.sorted() == ["b", "c"])
            departures = back
            try departures.save()
            #expect(try Departures(one, of: job.directory).entries.keys.sorted() == ["a"])
            #expect(try Departures(other, of: job.directory).entries.keys.sorted() == ["b", "c"])
        }
    }
}
