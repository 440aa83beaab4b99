import Ledger
import Platform
import Staging
import TestSupport
import Testing

struct RunDirectoryTests {
    @Test func `records of the run and its stages come back`() throws {
        let bench = try Bench()
        let run = try bench.run()
        #expect(try run.record() == nil)
        let record = RunRecord(
            job: "siem", run: "2026-11-20", timezone: "UTC", paths: ["web1": "/mnt/web1/20261120"], layout: "{rest}",
            archive: "{tenant}", member: "{rest}", openedBy: "root", openedAt: Bench.now.rfc3339)
        try run.write(record)
        #expect(try run.record() == record)
        for stage in Stage.allCases {
            #expect(try run.stageRecord(stage) == nil)
            let left = try bench.leave(stage, .partial)
            #expect(try run.stageRecord(stage) == left)
        }
        let names = try run.directory.names().sorted()
        #expect(names == ["collect.json", "pack.json", "run.json", "ship.json"])
    }

    @Test func `unit records lie by stage, vault and the path of the unit`() throws {
        let bench = try Bench()
        let run = try bench.run()
        #expect(try run.unitRecords(.pack) == [])
        #expect(try run.unitRecord(.pack, "acme/2026/web1") == nil)
        for unit in ["b", "acme/2026/web1", "acme/2026/web1.v2", "a.b"] { try bench.leaveUnit(.pack, unit) }
        try bench.leaveUnit(.ship, "acme/2026/web1", vault: "disk")
        try bench.leaveUnit(.ship, "acme/2026/web1", vault: "second")
        try bench.leaveUnit(.collect, "web1")
        let packed = try run.unitRecords(.pack).map(\.unit)
        #expect(packed == ["a.b", "acme/2026/web1", "acme/2026/web1.v2", "b"])
        #expect(try run.unitRecord(.pack, "acme/2026/web1") == bench.unitRecord(.pack, "acme/2026/web1"))
        #expect(try run.unitRecord(.pack, "acme/2026") == nil)
        #expect(try run.unitRecord(.ship, "acme/2026/web1", vault: "disk") != nil)
        #expect(try run.unitRecord(.ship, "acme/2026/web1", vault: "third") == nil)
        #expect(try run.unitRecords(.ship, vault: "disk").count == 1)
        #expect(try run.unitRecords(.ship, vault: "third").isEmpty)
        let tree = try FileTree(run.directory.path)
        #expect(tree.entries["records/pack/acme/2026/web1.v2.json"] != nil)
        #expect(tree.entries["records/ship/disk/acme/2026/web1.json"] != nil)
        #expect(tree.entries["records/collect/web1.json"] != nil)
    }

    @Test func `a removed record is gone, and removing it twice is no fault`() throws {
        let bench = try Bench()
        let run = try bench.run()
        try run.removeRecord(.pack, "acme/web1")
        try bench.leaveUnit(.pack, "acme/web1")
        try bench.leaveUnit(.pack, "acme/web2")
        try run.removeRecord(.pack, "acme/web1")
        try run.removeRecord(.pack, "acme/web1")
        #expect(try run.unitRecords(.pack).map(\.unit) == ["acme/web2"])
    }

    @Test func `a damaged record is a fault that names it, and temporary files are none`() throws {
        let bench = try Bench()
        let run = try bench.run()
        try bench.leaveUnit(.pack, "a")
        let tree = TreeBuilder(run.directory)
        try tree.file("records/pack/.b.json.partial", text: "torn")
        #expect(try run.unitRecords(.pack).map(\.unit) == ["a"])
        try tree.file("records/pack/c.json", text: "torn")
        let failure = fault { try run.unitRecords(.pack) }
        #expect(failure?.code == .damaged)
        #expect(failure?.message.contains("/2026-11-20/records/pack/c.json: ") == true)
        try expectFault(.damaged) { try run.unitRecord(.pack, "c") }
        try tree.file("pack.json", text: "{}")
        let stage = fault { try run.stageRecord(.pack) }
        #expect(stage?.message.contains("/2026-11-20/pack.json: has no '") == true)
    }

    /// Files of every place, of which each sweep may take its own temporary ones.
    private static let litter: [ByteString] = [
        ".collect.json.partial", ".run.json.partial", "collect/.web1.entries.tsv.gz.partial",
        "collect/.web1.partial/file",
        "collect/web1.entries.tsv.gz", "collect/web1.partial/file", "collect/web1/.x.partial", "collect/web1/file",
        "pack/.acme.tar.gz.partial", "pack/acme.tar.gz", "pack/deep/.acme.tar.gz.partial", "pack/deep/x.partial",
        "pack/.hidden", "records/collect/.web1.json.partial", "records/collect/web1.json",
        "records/pack/deep/.acme.json.partial", "records/ship/disk/.acme.json.partial",
    ]

    @Test(
        arguments: [
            (
                .collect,
                [
                    "collect/.web1.entries.tsv.gz.partial", "collect/.web1.partial/file",
                    "records/collect/.web1.json.partial",
                ]
            ),
            (
                .pack,
                [
                    "pack/.acme.tar.gz.partial", "pack/deep/.acme.tar.gz.partial",
                    "records/pack/deep/.acme.json.partial",
                ]
            ),
            (.ship, ["records/ship/disk/.acme.json.partial"]),
        ] as [(Stage, [ByteString])])
    func `a sweep takes the temporary files of its own stage and nothing else`(stage: Stage, swept: [ByteString]) throws
    {
        let bench = try Bench()
        let run = try bench.run()
        let tree = TreeBuilder(run.directory)
        for path in Self.litter { try tree.file(path, [1]) }
        try tree.symlink("collect/.link.partial", to: "/etc")
        try run.sweep(stage)
        let left = try FileTree(run.directory.path)
        let files = left.paths.filter { left.entries[$0]?.kind == .file }
        let expected = Self.litter.filter { !swept.contains($0) }.sorted()
        #expect(files == expected)
        #expect(left.entries["collect/.web1.partial"] == nil || stage != .collect)
        try run.sweep(stage)
        #expect(try FileTree(run.directory.path).paths == left.paths)
    }

    @Test func `a sweep of a run without anything is no fault`() throws {
        let bench = try Bench()
        for stage in Stage.allCases { try bench.run().sweep(stage) }
        let names = try bench.run().directory.names()
        #expect(names == ["collect"])
    }
}
