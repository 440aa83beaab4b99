import AWS
import Platform
import TestSupport
import Testing

extension ServerTests {
    /// What S3 Batch Operations reads and writes in the vault's bucket goes with its run.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct LakeListTests {
        @Test(
            "Lists and reports of jobs go with the manifests of their run, and come back with them",
            .timeLimit(.minutes(10)))
        func lists() async throws {
            let service = Monitor<BatchOperations?>(nil)
            let server = try S3ControlServer(first: "Complete") { job in
                guard let service = service.with({ $0 }) else { throw Fault(.usage, "not yet") }
                return try service.perform(job)
            }
            let lake = try await LakeWorld([
                "route = { objects = 1 }", "log_class = \"STANDARD\"",
                "batch = { account = \"222222222222\", role_arn = \"arn:aws:iam::222222222222:role/b\", endpoint = \"\(server.url)\" }",
                "[retention]", "keep_last = 1", "min_age = \"0 days\"", "grace = \"30 days\"",
                "max_vanished = \"50%\"", "keep_local = \"0 days\"",
            ])
            service.with { $0 = lake.batchOperations }
            try await lake.fill([("hr/p/a", [1]), ("hr/p/_delta_log/00.json", [1]), ("sales/t/a", [1])])
            for day in 1...2 {
                try await lake.fill(
                    [("sales/t/\(day)", [2]), ("sales/t/more-\(day)", [2]), ("hr/p/\(day)", [3])].map {
                        (ByteString($0.0), $0.1)
                    })
                try await lake.night(day)
            }
            try await onOwnThread { try lake.put(lake.vault, "v/lake/_batch/notes.txt", [1]) }
            func names(_ day: Int) async throws -> Set<String> {
                let keys = try await lake.objects(lake.vault, ByteString("v/lake/_batch/2026-03-0\(day)/")).keys
                return Set(keys.map { String($0.description.dropFirst(2)) })
            }
            let (old, new) = (try await names(1), try await names(2))
            // A list, and the two files of a report, of each job.
            #expect(old.count == 9 && !new.isEmpty, "\(old) \(new)")
            func going() async throws -> [String: String] {
                try await lake.departures().filter { $0.key.contains("/_batch/") }
            }
            let dry = try await lake.expect(.ship, ["prune", "lake", "--dry-run"])
            for name in old {
                #expect(dry.lines.contains { $0.hasPrefix(name) && $0.contains("would be quarantined") })
            }
            #expect(try await going().isEmpty)
            try await lake.expect(.ship, ["prune", "lake"])
            let quarantined = try await going()
            #expect(Set(quarantined.keys) == old && quarantined.values.allSatisfy { $0 == "quarantined" })

            try await lake.pass(days: 31)
            let second = try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await going().values.allSatisfy { $0 == "retired" }, "\(second)")
            func marked() async throws -> Set<String> {
                try await onOwnThread {
                    var keys: [ByteString] = []
                    try lake.vault.list(prefix: "v/lake/_batch/") { keys.append($0.key) }
                    return Set(
                        try keys.filter { try lake.vault.tags($0)["coldchain-retired"] == "true" }
                            .map { String($0.description.dropFirst(2)) })
                }
            }
            #expect(try await marked() == old)
            try await lake.expect(.ship, ["verify", "lake", "--run", "2026-03-02"])
            let audit = try await lake.expect(.ship, ["audit", "lake", "--object", "lake/_batch/**"])
            #expect(audit.lines.count { $0.contains(" retire ") } == old.count, "\(audit)")

            // A new server learns of them from the vault.
            try await lake.world.shell(
                "mv \"$1\" \"$2\"", [lake.world.staging + "/lake/ledger", lake.world.root + "/l"])
            let told = try await lake.departures(at: lake.world.root + "/l")
            try await lake.expect(.ship, ["rebuild", "lake"])
            #expect(try await lake.departures() == told)

            // With a manifest its lists come back.
            try await lake.expect(
                .ship, ["undo", "lake", "--object", "lake/_ledger/2026-03-01/sales.manifest.1.tsv.gz"])
            let hr = old.filter { $0.contains("/hr.") }
            #expect(hr.count == 6)
            #expect(try await marked() == hr)
            #expect(try await Set(going().keys) == hr)
            #expect(try await names(1) == old)
        }
    }
}
