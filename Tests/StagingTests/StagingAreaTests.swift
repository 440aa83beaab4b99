import Glibc
import Ledger
import Platform
import Settings
import Staging
import TestSupport
import Testing

struct StagingAreaTests {
    @Test(.enabled(if: geteuid() == 0, "only root can give a directory away"))
    func `staging of another user is refused, and a check tells it`() throws {
        let bench = try Bench()
        let changed = chown(bench.top.path + "/staging", 65_534, 65_534)
        #expect(changed == 0)
        let failure = fault { try StagingArea.open(bench.configuration) }
        #expect(failure?.code == .permission)
        #expect(failure?.message.hasSuffix("/staging: belongs to user 'nobody', this is 'root'") == true)
        #expect(failure?.hint == "Run the command as that user: runuser -u nobody -- ...")
        let item = CheckReport(bench.configuration, []).items.first { $0.what.hasPrefix("staging ") }
        #expect(item?.isGood == false)
    }

    @Test func `a check tells too little room`() throws {
        let bench = try Bench()
        var configuration = bench.configuration
        configuration.minFree = ByteCount(bytes: 7 << 50)
        let item = CheckReport(configuration, []).items.first { $0.what.hasPrefix("staging ") }
        #expect(item?.isGood == false)
        #expect(item?.why?.hasSuffix(" free, 'min_free' is 7 PiB") == true)
    }

    @Test(arguments: ["web1.json.bak", "web1.json~", "web1.json.orig"])
    func `a copy of a record is no record`(_ copy: String) throws {
        let bench = try Bench()
        let run = try bench.run()
        try run.write(
            UnitRecord(
                job: "siem", run: "2026-11-20", stage: .collect, unit: "web1", attempt: "a", tool: "t", startedAt: "s",
                finishedAt: "f", inputs: [:], outputs: [], counts: [:]))
        let records = try run.directory.descend(["records", "collect"])
        try TreeBuilder(records).file(ByteString(copy), try records.readFile("web1.json"))
        let units = try run.unitRecords(.collect).map(\.unit)
        #expect(units == ["web1"])
    }
}
