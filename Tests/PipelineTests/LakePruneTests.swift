import AWS
import Codec
import Glibc
import HTTP
import Platform
import TestSupport
import Testing

extension ServerTests {
    /// What a warehouse's source has no more goes late, and nothing else does.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct LakePruneTests {
        private static let retention = [
            "[retention]", "keep_last = 1", "min_age = \"0 days\"", "grace = \"30 days\"", "max_vanished = \"50%\"",
            "keep_local = \"0 days\"",
        ]

        private static func key(_ table: String, _ number: Int) -> ByteString { ByteString("\(table)/part-\(number)") }

        private func lake(_ lines: [String] = []) async throws -> LakeWorld {
            let lake = try await LakeWorld(lines + Self.retention)
            var objects: [(ByteString, [UInt8])] = [
                ("sales/t/_delta_log/00.json", [1]), ("hr/p/_delta_log/00.json", [1]),
            ]
            for number in 0..<6 {
                for table in ["sales/t", "sales/u", "hr/p"] {
                    objects.append((Self.key(table, number), Array("\(table) \(number)".utf8)))
                }
            }
            try await lake.fill(objects)
            return lake
        }

        @Test("What is gone waits, is marked, and comes back; logs and what is needed stay", .timeLimit(.minutes(10)))
        func goesLate() async throws {
            let lake = try await lake()
            let object = "lake/data/sales/t/part-1"
            let place = ByteString("v/" + object)
            try await lake.night(1)
            try await lake.delete(lake.source, ["sales/t/part-1", "sales/t/_delta_log/00.json", "hr/p/part-1"])
            try await lake.night(2)
            let first = try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await lake.departures()[object] == nil, "one inventory lists it: \(first)")

            try await lake.night(3)
            let dry = try await lake.expect(.ship, ["prune", "lake", "--dry-run"])
            #expect(dry.output.contains("would be quarantined"), "\(dry)")
            // What the inventories don't list, and the source has.
            try await lake.fill([("hr/p/part-1", [9])])
            try await lake.expect(.ship, ["prune", "lake"])
            var states = try await lake.departures()
            #expect(states[object] == "quarantined")
            #expect(states.keys.filter { $0.contains("/data/") || $0.contains("/run/") } == [object], "\(states)")
            #expect(states["lake/_ledger/2026-03-01/sales.manifest.1.tsv.gz"] == "quarantined")
            #expect(try await lake.tags(place)["coldchain-retired"] == nil)
            try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await lake.departures()[object] == "quarantined")

            try await lake.pass(days: 31)
            try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await lake.departures()[object] == "retired")
            let marked = try await lake.tags(place)
            #expect(marked["coldchain-retired"] == "true", "\(marked)")
            for key in try await lake.objects(lake.vault, "v/lake/").keys
            where key != place && !key.description.contains("/_ledger/") {
                #expect(try await lake.tags(key)["coldchain-retired"] == nil, "\(key)")
            }

            try await lake.expect(.ship, ["undo", "lake", "--object", object])
            #expect(try await lake.tags(place)["coldchain-retired"] == nil)
            states = try await lake.departures()
            #expect(states[object] == nil && states["lake/_ledger/2026-03-01/sales.manifest.1.tsv.gz"] == nil)

            try await lake.grow()
            // Marked again, it comes back by itself once the source has the same again.
            let again = try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await lake.departures()[object] == "quarantined", "\(again)")
            try await lake.pass(days: 31)
            try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await lake.tags(place)["coldchain-retired"] == "true")
            try await lake.fill([("sales/t/part-1", Array("sales/t 1".utf8))])
            try await lake.night(4)
            #expect(try await lake.tags(place)["coldchain-retired"] == nil)
            try await lake.expect(.ship, ["verify", "lake", "--run", "2026-03-04"])
            let audit = try await lake.expect(.ship, ["audit", "lake"])
            for word in ["quarantine", "retire", "undo", "release"] { #expect(audit.output.contains(word), "\(word)") }
        }

        @Test(
            "What other content has replaced goes, under whatever key it lies, and comes back", .timeLimit(.minutes(10))
        )
        func replaced() async throws {
            let lake = try await lake()
            let long = ByteString("sales/t/" + String(repeating: "k", count: 1_010))
            try await lake.fill([(long, [1])])
            try await lake.night(1)
            let longs = { () async throws -> [String] in
                try await lake.objects(lake.vault, "v/lake/long/").keys.map { String($0.description.dropFirst(2)) }
                    .sorted()
            }
            let old = try await longs()
            #expect(old.count == 1)
            try await lake.fill([(Self.key("sales/t", 0), [2]), (long, [2]), ("sales/t/part-2.g2", [2])])
            try await lake.delete(lake.source, [Self.key("sales/t", 1)])
            try await lake.night(2)
            // Under its old key lies what it was before.
            try await lake.fill([(Self.key("sales/t", 1), [3])])
            try await lake.night(3)
            let generation = "lake/data/sales/t/part-1.g2"
            #expect(try await lake.objects(lake.vault)["v/" + ByteString(generation)] != nil)
            try await lake.expect(.ship, ["prune", "lake"])
            let first = ["lake/data/sales/t/part-0", "lake/data/sales/t/part-1"] + old
            func going() async throws -> [String] {
                try await lake.departures().filter { !$0.key.contains("/_ledger/") }.keys.sorted()
            }
            #expect(try await going() == first.sorted())

            try await lake.fill([(Self.key("sales/t", 1), [4])])
            try await lake.night(4)
            let audit = try await lake.expect(.ship, ["prune", "lake"])
            #expect(audit.output.contains("other content of its key is held"), "\(audit)")
            #expect(try await going() == (first + [generation]).sorted(), "not what looks like a generation")
            try await lake.pass(days: 31)
            try await lake.expect(.ship, ["prune", "lake"])
            let all = try await lake.objects(lake.vault, "v/lake/").keys
            let gone = Set((first + [generation]).map { "v/" + $0 })
            for key in all where !key.description.contains("/_ledger/") {
                let mark = try await lake.tags(key)["coldchain-retired"]
                #expect((mark == "true") == gone.contains(key.description), "\(key)")
            }
            try await lake.expect(.ship, ["verify", "lake", "--run", "2026-03-04"])

            // A new server learns it from the vault.
            try await lake.world.shell(
                "mv \"$1\" \"$2\"", [lake.world.staging + "/lake/ledger", lake.world.root + "/l"])
            let told = try await lake.departures(at: lake.world.root + "/l")
            let rebuilt = try await lake.expect(.ship, ["rebuild", "lake"])
            #expect(!rebuilt.errors.contains("is lost"), "\(rebuilt)")
            #expect(try await lake.departures() == told)
            let object = try #require(old.first)
            try await lake.expect(.ship, ["undo", "lake", "--object", object])
            #expect(try await lake.tags(ByteString("v/" + object))["coldchain-retired"] == nil)
            // With it the manifest that names it, and nothing else.
            #expect(try await going() == (first + [generation]).filter { $0 != object }.sorted())

            // A table that is written anew as a whole needs a leave.
            try await lake.world.shell("sed -i 's/50%/40%/' \"$1\"", [lake.world.root + "/etc/jobs.d/lake.toml"])
            try await lake.fill((0..<6).map { (Self.key("sales/u", $0), [9]) })
            try await lake.night(5)
            let tripped = try await lake.expect(.ship, ["prune", "lake"], status: 1)
            #expect(tripped.output.contains("6 of the 12 objects of 'sales/u'"), "\(tripped)")
            try await lake.expect(.ship, ["prune", "lake", "--approve", "sales/u"])
            #expect(try await going().count { $0.contains("/sales/u/") } == 6)
        }

        @Test("A hold of the store covers all that it has of a database, and nothing else", .timeLimit(.minutes(10)))
        func hold() async throws {
            let lake = try await LakeWorld(Self.retention, isLocked: true)
            let long = ByteString("sales/t/" + String(repeating: "k", count: 1_010))
            try await lake.fill([(Self.key("sales/t", 0), [1]), (long, [1]), (Self.key("hr/p", 0), [1])])
            try await lake.night(1)
            try await lake.fill([(Self.key("sales/t", 0), [2])])
            for day in 2...3 { try await lake.night(day) }
            // Its manifests are gone, and what it copied is carried.
            try await lake.delete(
                lake.vault, Array(try await lake.objects(lake.vault, "v/lake/_ledger/2026-03-02/").keys))
            try await lake.world.shell("rm -rf \"$1\"", [lake.world.staging + "/lake/ledger/2026-03-02"])
            func held() async throws -> Set<String> {
                try await onOwnThread {
                    var keys: [ByteString] = []
                    try lake.vault.list(prefix: "v/lake/") { keys.append($0.key) }
                    return Set(try keys.filter { try lake.vault.head($0)?.isHeld ?? false }.map(\.description))
                }
            }
            try await lake.expect(.ship, ["hold", "lake", "--tenant", "sales", "--why", "court"])
            let all = Set(try await lake.objects(lake.vault, "v/lake/").keys.map(\.description))
            let wanted = all.filter { $0.contains("sales") || $0.contains("/long/") }
            #expect(
                wanted.contains("v/lake/run/2026-03-02/sales/t/part-0") && wanted.contains { $0.contains("/long/") })
            #expect(try await held() == wanted)
            #expect(wanted.count == 7 && all.count > 9, "\(all)")
        }

        /// Everything in the vault that is marked.
        private static func marked(_ lake: LakeWorld) throws -> [ByteString] {
            var keys: [ByteString] = []
            try lake.vault.list(prefix: "v/lake/") { keys.append($0.key) }
            return try keys.filter { try lake.vault.tags($0)["coldchain-retired"] != nil }
        }

        @Test(
            "prune killed at counted calls marks nothing that is not told, and ends it again", .timeLimit(.minutes(10)))
        func killed() async throws {
            let lake = try await lake()
            try await lake.night(1)
            try await lake.fill([(Self.key("sales/t", 0), [2])])
            try await lake.delete(lake.source, [Self.key("sales/t", 1), Self.key("hr/p", 1)])
            for day in 2...3 { try await lake.night(day) }
            let going: Set = ["lake/data/sales/t/part-0", "lake/data/sales/t/part-1", "lake/data/hr/p/part-1"]
            let job = lake.world.staging + "/lake"
            func save(_ name: String) async throws {
                try await lake.world.shell("cp -a \"$1\" \"$2\"", [job, lake.world.root + "/saved" + name])
            }
            func reset(_ name: String) async throws {
                try await lake.world.shell(
                    "rm -rf \"$1\" && cp -a \"$2\" \"$1\"", [job, lake.world.root + "/saved" + name])
                try await onOwnThread {
                    for key in try Self.marked(lake) {
                        try lake.vault.putTags([:], key)
                    }
                }
            }
            try await save(".new")
            try await lake.expect(.ship, ["prune", "lake"])
            try await lake.pass(days: 31)
            try await save(".quarantined")
            for (name, state) in [(".new", "quarantined"), (".quarantined", "retired")] {
                try await reset(name)
                let mark = lake.world.root + "/mark"
                let calls = ["write", "pwrite", "rename", "unlink", "fsync", "fdatasync"]
                let counting = Injection(calls: calls, action: .count, below: lake.world.root + "/", mark: mark)
                let whole = try await lake(.ship, ["prune", "lake"], counting)
                #expect(whole.status == 0, "\(whole)")
                let count = Int(String(decoding: try lake.world.read(mark), as: UTF8.self).filter(\.isNumber)) ?? 0
                #expect(count > 10)
                for number in stride(from: 1, through: count, by: max(1, count / 5)) {
                    try await reset(name)
                    let injection = Injection(
                        calls: calls, when: number, action: .kill, below: lake.world.root + "/")
                    let killed = try await lake(.ship, ["prune", "lake"], injection)
                    #expect(killed.ending == .signalled(9) || killed.status == 0, "\(injection): \(killed)")
                    let told = try await lake.departures()
                    for key in try await onOwnThread({ try Self.marked(lake) }) {
                        let object = String(key.description.dropFirst(2)).replacing(".sha256", with: "")
                        #expect(told[object] == "retired", "\(injection): \(key) is marked")
                    }
                    let again = try await lake(.ship, ["prune", "lake"])
                    #expect(again.status == 0, "\(injection): \(again)")
                    let after = try await lake.departures().filter { $0.key.contains("/data/") }
                    #expect(
                        Set(after.keys) == going && after.values.allSatisfy { $0 == state }, "\(injection): \(after)")
                    let places = try await onOwnThread({ try Self.marked(lake) }).map {
                        String($0.description.dropFirst(2))
                    }
                    #expect(
                        Set(places.filter { $0.contains("/data/") }) == (state == "retired" ? going : []),
                        "\(injection)")
                }
            }
        }

        @Test("A dropped table or database trips the breaker; a partial run tells nothing", .timeLimit(.minutes(10)))
        func breaker() async throws {
            let lake = try await lake()
            try await lake.night(1)
            try await lake.delete(lake.source, (0..<6).map { Self.key("sales/u", $0) })
            try await lake.delete(lake.source, [Self.key("hr/p", 2)])
            try await lake.night(2)
            // The rest of the database goes, too.
            try await lake.delete(lake.source, (0..<6).map { Self.key("hr/p", $0) } + ["hr/p/_delta_log/00.json"])
            try await lake.night(3)
            let partial = try await lake.expect(.ship, ["prune", "lake"])
            #expect(partial.output.contains("collect of run 2026-03-03 is partial"), "\(partial)")
            #expect(try await lake.departures().isEmpty)
            try await lake.night(4)
            try await lake.night(5)
            let tripped = try await lake.expect(.ship, ["prune", "lake"], status: 1)
            #expect(tripped.errors.contains("max_vanished") && tripped.errors.contains("--approve"), "\(tripped)")
            #expect(tripped.output.contains("'sales/u'") && tripped.output.contains("'hr'"), "\(tripped)")
            #expect(try await lake.departures().isEmpty, "manifests wait for their objects")

            try await lake.expect(.ship, ["prune", "lake", "--approve", "sales/u"], status: 1)
            let states = try await lake.departures()
            #expect(states.keys.filter { $0.contains("/data/sales/u/") }.count == 6)
            #expect(!states.keys.contains { $0.contains("hr") }, "\(states)")
            // The newest manifest of a database, and all that it names, stays for good.
            try await lake.expect(.ship, ["prune", "lake", "--approve", "sales", "--approve", "hr"])
            #expect(try await lake.departures().keys.filter { $0.contains("/data/hr/") } == ["lake/data/hr/p/part-2"])

            // A hold takes it back.
            try await lake.expect(.ship, ["hold", "lake", "--tenant", "hr", "--why", "court"])
            try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await lake.departures().keys.filter { $0.contains("hr") }.isEmpty)

            // Lists and plans go from staging; those that tell what is gone stay.
            for program in [Program.collect, .pack] { try await lake.expect(program, ["prune", "lake"]) }
            let lists = try await TestSupport.run(
                ["find", lake.world.staging + "/lake", "-name", "*.entries.tsv.gz", "-printf", "%P\n"])
            #expect(
                Set(lists.lines) == [
                    "2026-03-01/collect/hr.entries.tsv.gz", "2026-03-02/collect/hr.entries.tsv.gz",
                    "2026-03-04/collect/sales.entries.tsv.gz", "2026-03-05/collect/sales.entries.tsv.gz",
                ])
            for program in Program.allCases { try await lake.expect(program, ["lake", "--run", "2026-03-01"]) }
        }

        @Test("The bucket of an old snapshot goes as a whole, and comes back", .timeLimit(.minutes(10)))
        func snapshots() async throws {
            let lake = try await lake(["mode = \"full\""])
            for day in 1...2 { try await lake.night(day) }
            let old = lake.source.sibling(bucket: lake.source.bucket + "-01-mar-2026")
            let name = "s3://\(old.bucket)/"
            func rules() async throws -> String {
                try await onOwnThread {
                    (try old.configuration(.lifecycle)?.document()).map { String(decoding: $0, as: UTF8.self) } ?? ""
                }
            }
            try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await lake.departures()[name] == "quarantined")
            try await lake.pass(days: 31)
            try await lake.expect(.ship, ["prune", "lake"])
            #expect(try await lake.departures()[name] == "retired")
            #expect(try await rules().contains("coldchain-retired-snapshot"))
            // As the lifecycle does.
            try await onOwnThread { try lake.allowDeleting(old) }
            try await lake.delete(old, Array(try await lake.objects(old).keys))
            #expect(try await lake.objects(old).isEmpty)
            try await lake.expect(.ship, ["undo", "lake", "--all"])
            let back = try await lake.objects(old)
            #expect(back.count == 20, "\(back.keys)")
            #expect(try await !rules().contains("coldchain-retired-snapshot"))
            #expect(try await lake.departures()[name] == nil)
            #expect(try await onOwnThread { try old.bucketTags()["coldchain-retired"] } == nil)
        }
    }
}

extension LakeWorld {
    /// Takes the policy away by which nobody deletes in a bucket.
    func allowDeleting(_ client: S3Client) throws {
        _ = try client.perform(S3Call(.delete, query: [.init("policy")]))
    }
}
