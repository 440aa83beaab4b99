import Codec
import Ledger
import Platform
import TestSupport
import Testing

struct IncrementalPlanTests {
    /// Decisions as words: `take new a`, `carry a`, `vanished a`.
    private func plan(
        _ inventory: [Entry], _ held: [Manifest.Row], _ rules: IncrementalPlan.Rules = .init(isAlwaysFull: false)
    ) throws -> [String] {
        try decisions(inventory, held, rules).map { (entry, decision) in
            switch decision {
            case .take(let reason): "take \(reason.rawValue) \(entry.key)"
            case .carry: "carry \(entry.key)"
            case .vanished: "vanished \(entry.key)"
            }
        }
    }

    private func decisions(
        _ inventory: [Entry], _ held: [Manifest.Row], _ rules: IncrementalPlan.Rules = .init(isAlwaysFull: false)
    ) throws -> [(entry: Entry, decision: IncrementalPlan.Decision)] {
        var (entries, rows) = (inventory[...], held[...])
        var plan = IncrementalPlan(
            inventory: { () throws(Fault) in entries.popFirst() }, held: { () throws(Fault) in rows.popFirst() },
            rules: rules)
        var decisions: [(entry: Entry, decision: IncrementalPlan.Decision)] = []
        while let next = try plan.next() { decisions.append(next) }
        return decisions
    }

    private func held(_ entry: Entry, run: String = "2026-11-19", _ flags: EntryFlag = []) -> Manifest.Row {
        var row = Manifest.Row(entry: entry, tenant: "acme")
        row.run = run
        row.object = "siem/acme/web1.tar.gz"
        row.name = "acme/" + entry.key
        row.range = 0..<512
        row.flags = flags
        return row
    }

    @Test func `what an archive held that a vault has lost is taken again, and nothing else`() throws {
        var other = held(entry("b"))
        other.object = "siem/acme/web2.tar.gz"
        let rules = IncrementalPlan.Rules(isAlwaysFull: false, lost: ["siem/acme/web1.tar.gz"])
        #expect(
            try plan(["a", "b"].map { entry($0) }, [held(entry("a")), other], rules) == ["take lost a", "carry b"])
    }

    private static let moment = Timestamp(seconds: 1_000, nanoseconds: 500)

    @Test func `both sides are merged in key order`() throws {
        let inventory = ["a", "b/", "b/c", "d", "f"].map { entry($0) }
        let rows = ["a", "aa", "b/", "b/b", "b/d", "d", "g", "h"].map { held(entry($0)) }
        #expect(
            try plan(inventory, rows) == [
                "carry a", "vanished aa", "carry b/", "vanished b/b", "take new b/c", "vanished b/d", "carry d",
                "take new f", "vanished g", "vanished h",
            ])
    }

    @Test func `nothing held means all is new, nothing there means all has vanished`() throws {
        let entries = ["a", "b"].map { entry($0) }
        #expect(try plan(entries, []) == ["take new a", "take new b"])
        let rows = entries.map { held($0) }
        #expect(try plan([], rows) == ["vanished a", "vanished b"])
        #expect(try plan([], []) == [])
    }

    @Test(arguments: [
        (entry("a", size: 5, modified: moment), "carry a"),
        (entry("a", size: 6, modified: moment), "take changed a"),
        (entry("a", size: 5, modified: Timestamp(seconds: 1_001, nanoseconds: 500)), "take changed a"),
        (entry("a", size: 5, modified: Timestamp(seconds: 1_000, nanoseconds: 501)), "take changed a"),
        (entry("a", size: 5, modified: Timestamp(seconds: 999, nanoseconds: 500)), "take changed a"),
        (entry("a", .symlink, size: 5, modified: moment), "take changed a"),
        (entry("a", .fifo, size: 5, modified: moment), "take changed a"),
        (entry("a", size: 5, modified: moment, mode: 0o600, uid: 7, gid: 8), "carry a"),
        (entry("b", size: 5, modified: moment), "vanished a"),
    ])
    func `size, time and kind decide what has the same content`(now: Entry, first: String) throws {
        let before = held(entry("a", size: 5, modified: Self.moment))
        #expect(try plan([now], [before]).first == first)
    }

    @Test func `a symbolic link that points elsewhere has changed`() throws {
        let before = held(entry("a", .symlink, link: "x"))
        #expect(try plan([entry("a", .symlink, link: "x")], [before]) == ["carry a"])
        #expect(try plan([entry("a", .symlink, link: "y")], [before]) == ["take changed a"])
    }

    @Test(
        arguments: [
            (.racy, "racy"), (.dirty, "racy"), (.grew, "racy"), (.skipped, "new"), ([.racy, .skipped], "new"),
        ] as [(EntryFlag, String)])
    func `what was not held for certain is taken anew`(flags: EntryFlag, reason: String) throws {
        #expect(try plan([entry("a")], [held(entry("a"), flags)]) == ["take \(reason) a"])
    }

    @Test func `a row without an object holds no bytes`() throws {
        var row = held(entry("a"))
        row.object = ""
        #expect(try plan([entry("a")], [row]) == ["take new a"])
    }

    @Test(arguments: [
        ("2026-11-19", "take expired a"), ("2026-11-20", "carry a"), ("2026-11-21", "carry a"), ("", "carry a"),
        ("not a date", "carry a"),
    ])
    func `bytes of a run before the limit are taken anew`(run: String, word: String) throws {
        let limit = try #require(CivilDate("2026-11-20"))
        let rules = IncrementalPlan.Rules(isAlwaysFull: false, carryNotBefore: limit)
        #expect(try plan([entry("a")], [held(entry("a"), run: run)], rules) == [word])
    }

    @Test func `a changed entry is changed, not expired`() throws {
        let limit = try #require(CivilDate("2026-11-20"))
        let rules = IncrementalPlan.Rules(isAlwaysFull: false, carryNotBefore: limit)
        #expect(try plan([entry("a", size: 1)], [held(entry("a"), run: "2026-01-01")], rules) == ["take changed a"])
    }

    @Test func `whole seconds compare by the coarser side`() throws {
        let fine = entry("a", modified: Timestamp(seconds: 1_000, nanoseconds: 500))
        let coarse = entry("a", modified: Timestamp(seconds: 1_000))
        let next = entry("a", modified: Timestamp(seconds: 1_001))
        let whole = IncrementalPlan.Rules(isAlwaysFull: false, wholeSeconds: true)
        #expect(try plan([coarse], [held(fine)], whole) == ["carry a"])
        #expect(try plan([fine], [held(coarse)], whole) == ["carry a"])
        #expect(try plan([next], [held(fine)], whole) == ["take changed a"])
        #expect(try plan([coarse], [held(fine)]) == ["take changed a"])
    }

    @Test func `a dated path is taken whole, and what has vanished is still told`() throws {
        let rows = ["a", "b"].map { held(entry($0)) }
        let full = IncrementalPlan.Rules(isAlwaysFull: true)
        #expect(try plan([entry("b"), entry("c")], rows, full) == ["vanished a", "take full b", "take full c"])
    }

    @Test func `a carried row has the new metadata and the old place`() throws {
        let old = held(entry("a", size: 3, modified: Self.moment, mode: 0o644))
        let new = entry("a", size: 3, modified: Self.moment, mode: 0o600, uid: 7)
        var expected = old
        expected.entry = new
        let decisions = try decisions([new], [old])
        #expect(decisions.map(\.entry) == [new])
        #expect(decisions.map(\.decision) == [.carry(expected)])
    }

    @Test func `hard links are carried by their own name`() throws {
        let link = entry("b", .hardLink, size: 3, link: "a")
        #expect(try plan([link], [held(link)]) == ["carry b"])
        // Kept as a file of its own, since its first name was carried then: its bytes stay there.
        #expect(try plan([link], [held(entry("b", size: 3))]) == ["carry b"])
        #expect(try plan([link], [held(entry("b", size: 4))]) == ["take changed b"])
        #expect(try plan([entry("b", .hardLink, size: 3, link: "0")], [held(link)]) == ["take changed b"])
        // The first name has gone: this one becomes a file with bytes of its own.
        #expect(try plan([entry("b", size: 3)], [held(link)]) == ["take changed b"])
    }

    @Test func `a fault of either side comes through`() {
        for failsInventory in [true, false] {
            let inventory: IncrementalPlan.Inventory = { () throws(Fault) in
                if failsInventory { throw Fault(.io, "inventory") }
                return nil
            }
            let held: IncrementalPlan.Held = { () throws(Fault) in
                if !failsInventory { throw Fault(.damaged, "held") }
                return nil
            }
            var plan = IncrementalPlan(inventory: inventory, held: held, rules: .init(isAlwaysFull: false))
            let failure = fault { try plan.next() }
            #expect(failure?.message == (failsInventory ? "inventory" : "held"))
        }
    }

    // MARK: Against a model

    private func randomTree(_ random: inout SplitMix64) -> [ByteString: Entry] {
        var tree: [ByteString: Entry] = [:]
        for _ in 0..<Int.random(in: 0...60, using: &random) {
            let depth = Int.random(in: 1...3, using: &random)
            let names = (0..<depth).map { _ in ["a", "b", "a-b", "ü", "\n"][Int.random(in: 0..<5, using: &random)] }
            let isDirectory = Int.random(in: 0..<4, using: &random) == 0
            let key = ByteString(names.joined(separator: "/") + (isDirectory ? "/" : ""))
            let kinds: [EntryKind] = [.file, .file, .file, .symlink, .hardLink]
            let kind = isDirectory ? .directory : kinds[Int.random(in: 0..<5, using: &random)]
            tree[key] = entry(
                key, kind, size: Int64.random(in: 0...2, using: &random),
                modified: Timestamp(
                    seconds: Int64.random(in: 0...1, using: &random),
                    nanoseconds: UInt32.random(in: 0...1, using: &random)),
                link: kind == .symlink || kind == .hardLink ? "target" : "")
        }
        return tree
    }

    /// The decision for one key, told from dictionaries instead of a merge.
    private func model(_ now: Entry?, _ row: Manifest.Row?, _ rules: IncrementalPlan.Rules) -> String? {
        guard let now else { return row.map { "vanished \($0.entry.key)" } }
        if rules.isAlwaysFull { return "take full \(now.key)" }
        guard let row, !row.flags.contains(.skipped), !row.object.isEmpty else { return "take new \(now.key)" }
        if !row.flags.isDisjoint(with: [.racy, .dirty, .grew]) { return "take racy \(now.key)" }
        let wasOwnFile = now.kind == .hardLink && row.entry.kind == .file
        let sameTime =
            now.modified.seconds == row.entry.modified.seconds
            && (rules.wholeSeconds || now.modified.nanoseconds == row.entry.modified.nanoseconds)
        let sameKind = wasOwnFile || (now.kind == row.entry.kind && now.link == row.entry.link)
        guard sameKind, sameTime, now.size == row.entry.size else { return "take changed \(now.key)" }
        if let limit = rules.carryNotBefore, row.run < limit.description { return "take expired \(now.key)" }
        if rules.lost.contains(row.object) { return "take lost \(now.key)" }
        return "carry \(now.key)"
    }

    @Test func `decisions over random trees are those of a dictionary`() throws {
        var seen: Set<String> = []
        for seed in UInt64(0)..<400 {
            var random = SplitMix64(seed: seed)
            let now = randomTree(&random)
            // Most of what is held is what is there, so that carrying is common.
            var before = randomTree(&random)
            for (key, entry) in now where Int.random(in: 0..<3, using: &random) > 0 { before[key] = entry }
            let rows = before.mapValues { entry in
                let flags: [EntryFlag] = [[], [], [], [], .racy, .dirty, .grew, .skipped]
                var row = held(
                    entry, run: ["2026-11-18", "2026-11-19", "2026-11-20"][Int.random(in: 0..<3, using: &random)],
                    flags[Int.random(in: 0..<8, using: &random)])
                if Int.random(in: 0..<10, using: &random) == 0 { row.object = "" }
                if seed % 5 == 1, entry.size == 1 { row.object = "siem/lost.tar.gz" }
                return row
            }
            let rules = IncrementalPlan.Rules(
                isAlwaysFull: seed % 10 == 9, carryNotBefore: seed % 3 == 0 ? CivilDate("2026-11-19") : nil,
                wholeSeconds: seed % 2 == 0, lost: ["siem/lost.tar.gz"])
            let keys = Set(now.keys).union(rows.keys).sorted()
            let expected = keys.compactMap { model(now[$0], rows[$0], rules) }
            let inventory = now.keys.sorted().compactMap { now[$0] }
            let heldRows = rows.keys.sorted().compactMap { rows[$0] }
            let decided = try plan(inventory, heldRows, rules)
            #expect(decided == expected, "seed \(seed)")
            for word in decided { seen.insert(word.split(separator: " ").dropLast().joined(separator: " ")) }
        }
        let reasons = IncrementalPlan.TakeReason.allCases.map { "take \($0.rawValue)" }
        #expect(seen == Set(reasons + ["carry", "vanished"]))
    }
}
