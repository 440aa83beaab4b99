import Codec
import Ledger
import Platform
import Settings
import Staging
import TestSupport
import Testing

@testable import Retention

@Suite struct InventoryPairTests {
    /// A job whose runs were collected, each from an inventory of its own unless told otherwise.
    private struct Lake {
        let job: JobDirectory
        let warehouse: WarehouseSettings

        init(_ top: String) throws {
            job = JobDirectory(
                name: "lake", directory: try Directory.create(top + "/lake"),
                state: try Directory.create(top + "/state"))
            let source = BucketSettings(bucket: "b", prefix: "")
            warehouse = WarehouseSettings(
                source: source, inventories: [.init(bucket: "i", prefix: "p")],
                prefix: try DatabasePrefix("{database}/"))
        }

        func collect(
            _ day: Int, _ state: StageRecord.State = .done, inventory: String? = nil, second: String? = nil,
            units: Int = 1, source: String = "b"
        ) throws {
            let date = try #require(CivilDate("2026-03-0\(day)"))
            let run = try job.makeRun(date)
            let place = try run.collectDirectory()
            try PendingFile.write(Array("list \(day)".utf8), to: "d.entries.tsv.gz", in: place)
            var record = UnitRecord(
                job: "lake", run: date.description, stage: .collect, unit: "d", attempt: "a", tool: "t", startedAt: "",
                finishedAt: "", inputs: [:],
                outputs: [
                    .init(
                        path: "collect/d.entries.tsv.gz", size: 6,
                        sha256: SHA256Hasher.digest(of: Array("list \(day)".utf8)))
                ], counts: [:])
            record.inputs = [
                "source": source, "prefix": "{database}/", "inventory": "s3://i/p",
                "inventory s3://i/p/\(inventory ?? "\(day)")/manifest.json": "etag",
            ]
            if let second { record.inputs["inventory s3://i/q/\(second)/manifest.json"] = "etag" }
            try run.write(record)
            var stage = StageRecord(
                job: "lake", run: date.description, stage: .collect, attempt: "a", state: state, host: "h", pid: 1,
                startedAt: "")
            (stage.units, stage.done) = (units, 1)
            try run.write(stage)
        }

        /// The two runs, or why there are none.
        func found() throws -> String {
            switch try InventoryPair.find(job, warehouse) {
            case .pair(let pair): "\(pair.newest.run.date) \(pair.before.run.date)"
            case .nothing(let why): why
            }
        }
    }

    @Test("Two complete inventories in a row, and nothing less")
    func search() throws {
        try withTemporaryDirectory { top in
            let lake = try Lake(top)
            #expect(try lake.found() == "no run on staging has an inventory")
            try lake.collect(1)
            #expect(try lake.found() == "there is only one inventory so far")
            try lake.collect(2)
            #expect(try lake.found() == "2026-03-02 2026-03-01")
            // Of the same inventory as the run before.
            try lake.collect(3, inventory: "2")
            #expect(try lake.found() == "2026-03-03 2026-03-01")
            for state in [StageRecord.State.partial, .failed, .running] {
                try lake.collect(4, state)
                #expect(try lake.found().hasPrefix("collect of run 2026-03-04 is \(state.rawValue)"))
            }
            try lake.collect(4)
            #expect(try lake.found() == "2026-03-04 2026-03-03")
            // Of two inventories one is that of the run before: what it lacks, it lacks once.
            try lake.collect(2, second: "a")
            try lake.collect(3, second: "b")
            try lake.collect(4, second: "b")
            #expect(try lake.found() == "2026-03-04 2026-03-02")
            try lake.collect(4)
            try lake.collect(4, units: 2)
            #expect(try lake.found() == "run 2026-03-04 has 1 of 2 lists")
            try lake.collect(4, source: "other")
            #expect(try lake.found().contains("other settings"))
        }
    }

    @Test("A list that is not the one that was written tells nothing")
    func torn() throws {
        try withTemporaryDirectory { top in
            let lake = try Lake(top)
            for day in 1...2 { try lake.collect(day) }
            guard case .pair(let pair) = try InventoryPair.find(lake.job, lake.warehouse) else {
                Issue.record("no pair")
                return
            }
            #expect(try pair.newest.list("d") != nil)
            #expect(try pair.newest.list("other") == nil)
            try PendingFile.write(
                Array("list X".utf8), to: "d.entries.tsv.gz", in: try pair.newest.run.collectDirectory())
            try expectFault(.damaged) { _ = try pair.newest.list("d") }
        }
    }
}
