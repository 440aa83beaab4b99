import Ledger
import Platform
import TestSupport
import Testing

@testable import Vault

struct ThawPlanTests {
    private static let now = Timestamp(seconds: 1_800_000_000)

    private func object(
        _ key: String, _ readability: Readability, size: Int64 = 20 << 30, in storageClass: String = "DEEP_ARCHIVE",
        asked: ThawJournal.Asked? = nil
    ) throws -> ThawPlan.Object {
        ThawPlan.Object(
            key: try ObjectKey(key), size: size, storageClass: storageClass, readability: readability, asked: asked)
    }

    @Test("Only what is archived is asked for, and what nobody can read is waited for")
    func plan() throws {
        let plan = try ThawPlan(
            [
                object("d", .archived), object("c", .readable), object("b", .thawing), object("a", .archived, size: 1),
                object("e", .thawed(until: nil)),
            ], ThawRequest(tier: .bulk, days: 7))
        #expect(plan.waiting.map(\.key.description) == ["a", "b", "d"])
        #expect(plan.archived.map(\.key.description) == ["a", "d"])
        #expect(plan.bytes == (20 << 30) + 1)
        #expect(plan.readable(now: Self.now)?.seconds == Self.now.seconds + 48 * 3_600)
        let none = try ThawPlan([object("c", .readable)], ThawRequest(tier: .bulk, days: 7))
        #expect(none.readable(now: Self.now) == nil)
    }

    @Test("The end of a thaw counts from when it was asked for, by the tier of then")
    func end() throws {
        let asked = ThawJournal.Asked(at: Timestamp(seconds: Self.now.seconds - 3_600), tier: .standard)
        let plan = try ThawPlan([object("a", .thawing, asked: asked)], ThawRequest(tier: .bulk, days: 1))
        #expect(plan.readable(now: Self.now)?.seconds == Self.now.seconds + 11 * 3_600)
        // One that has run out has to be asked for again.
        let again = try ThawPlan([object("a", .archived, asked: asked)], ThawRequest(tier: .standard, days: 1))
        #expect(again.readable(now: Self.now)?.seconds == Self.now.seconds + 12 * 3_600)
    }

    @Test("The price is that of whole objects, of each request, and of the copies")
    func price() throws {
        let objects = [try object("a", .archived), try object("b", .archived), try object("c", .thawing)]
        let bulk = try ThawPlan(objects, ThawRequest(tier: .bulk, days: 15))
        let dollars = try #require(bulk.dollars(.listPrices, in: "us-east-1"))
        #expect(abs(dollars - (2 * 0.025 / 1_000 + 40 * 0.0025 + 40 * 0.023 / 2)) < 1e-9)
        #expect(bulk.dollars(.listPrices, in: "nowhere") == nil)
        try expectFault(.usage, "has no tier 'expedited'") {
            try ThawPlan(objects, ThawRequest(tier: .expedited, days: 1))
        }
        _ = try ThawPlan([try object("a", .archived, in: "GLACIER")], ThawRequest(tier: .expedited, days: 1))
    }

    @Test(
        "What x-amz-restore says",
        arguments: [
            (#"ongoing-request="true""#, Readability.thawing),
            (
                #"ongoing-request="false", expiry-date="Sun, 06 Nov 1994 08:49:37 GMT""#,
                .thawed(until: Timestamp(seconds: 784_111_777))
            ),
            (#"ongoing-request="false""#, .thawed(until: nil)),
        ])
    func header(_ text: String, _ expected: Readability) {
        #expect(S3Store.readability(text, now: Timestamp(seconds: 784_111_776)) == expected)
        if case .thawed(until: .some) = expected {
            #expect(S3Store.readability(text, now: Timestamp(seconds: 784_111_777)) == .archived)
        }
    }

    @Test("When was asked is remembered for a month, and a file that can't be read is as none")
    func journal() throws {
        try withTemporaryDirectory { path in
            let state = try Directory.open(path)
            let journal = ThawJournal(state, vault: "cold")
            #expect(try journal.load() == [:])
            let (a, b) = (try ObjectKey("a/1"), try ObjectKey("b"))
            let first = ThawJournal.Asked(at: Self.now, tier: .bulk)
            try journal.add([a], first)
            #expect(try journal.load() == [a: first])
            let second = ThawJournal.Asked(at: Timestamp(seconds: Self.now.seconds + 31 * 86_400), tier: .standard)
            try journal.add([b], second)
            #expect(try journal.load() == [b: second])
            try TreeBuilder(path).file("thaw.cold.json", text: "no JSON")
            #expect(try journal.load() == [:])
        }
    }
}
