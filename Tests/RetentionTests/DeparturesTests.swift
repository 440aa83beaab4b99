import Codec
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
            #expect(try Departures(other, of: job.directory).isEmpty)
            for key in ["b", "c"] {
                var departures = try Departures(other, of: job.directory)
                departures[key] = departure(key)
                try departures.save()
            }
            let back = try Departures(one, of: job.directory)
            #expect(Array(back) == [departure("a")])
            #expect(back.prunedAt == Timestamp(seconds: 1_893_456_000))
            #expect(try Departures(other, of: job.directory).map(\.key) == ["b", "c"])
            departures = back
            try departures.save()
            #expect(try Departures(one, of: job.directory).map(\.key) == ["a"])
            #expect(try Departures(other, of: job.directory).map(\.key) == ["b", "c"])
        }
    }

    @Test func `what is new stands between what was there, and a table of another order is read`() throws {
        try withTemporaryDirectory { top in
            let job = try SmallJob(top, vaults: 1)
            let vault = job.vaults[0]
            for keys in [["b", "d", "f"], ["a", "e", "c", "g"]] {
                var departures = try Departures(vault, of: job.directory)
                for key in keys { departures[key] = departure(key) }
                departures["d"] = nil
                #expect(departures["d"] == nil && departures["b"] == departure("b"))
                try departures.save()
            }
            let all = ["a", "b", "c", "e", "f", "g"]
            let departures = try Departures(vault, of: job.directory)
            #expect(departures.map(\.key) == all && departures.count == all.count)
            // By letters and not by bytes, as earlier versions sorted.
            let place = try Directory.open(top + "/staging/siem/ledger/_retention")
            let name = try #require(try place.names().first { $0.bytes.suffix(3).elementsEqual(".gz".utf8) })
            let reader = try RowReader(table: try FileSource(try place.openFile(name)))
            var rows: [[UInt8]] = []
            while try reader.next() { rows.append(reader.rowBytes + [0x0A]) }
            let mixed = [rows[0]] + rows[1...].reversed()
            try PendingFile.write(try gzipped(Array(mixed.joined())), to: name, in: place)
            var other = try Departures(vault, of: job.directory)
            #expect(Array(other) == all.map { departure($0) })
            other["c"] = nil
            try other.save()
            #expect(try Departures(vault, of: job.directory).map(\.key) == ["a", "b", "e", "f", "g"])
        }
    }
}
