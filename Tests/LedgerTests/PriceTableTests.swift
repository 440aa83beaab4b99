import Ledger
import Platform
import Testing

struct PriceTableTests {
    private static let gigabyte: Int64 = 1 << 30

    private static let table = PriceTable(
        date: CivilDate(dayNumber: 20_000),
        terms: [
            "COLD": .init(minimumDays: 180, overhead: 32 << 10, hotOverhead: 8 << 10),
            "RARE": .init(minimumDays: 30, minimumBytes: 128 << 10),
        ],
        regions: [
            "here": [
                "STANDARD": .init(storage: 0.02, put: 0.005, get: 0.0004, transition: 0),
                "COLD": .init(
                    storage: 0.001, put: 0.05, get: 0.0004, transition: 0.05,
                    restore: ["standard": .init(requests: 0.1, bytes: 0.02), "bulk": .init(requests: 0.025, bytes: 0)]),
                "RARE": .init(
                    storage: 0.01, put: 0.01, get: 0.001, transition: 0.01,
                    restore: ["direct": .init(requests: 0, bytes: 0.01)]),
            ],
            "no-hot": ["COLD": .init(storage: 1, put: 1, get: 1, transition: 1)],
        ])

    private func isNear(_ one: Double?, _ other: Double) -> Bool {
        guard let one else { return false }
        return abs(one - other) < 1e-12 + abs(other) * 1e-9
    }

    private struct Requests: Sendable {
        var parts: Int
        var lookups = 0
        var storageClass: String
        var requests: Int64
        /// Dollars for a thousand such objects.
        var dollars: Double
    }

    private static let requests: [Requests] = [
        Requests(parts: 1, storageClass: "STANDARD", requests: 1, dollars: 0.005),
        Requests(parts: 1, storageClass: "", requests: 1, dollars: 0.005),
        Requests(parts: 0, storageClass: "COLD", requests: 1, dollars: 0.05),
        Requests(parts: 1, lookups: 2, storageClass: "COLD", requests: 3, dollars: 0.0508),
        Requests(parts: 10, storageClass: "STANDARD", requests: 12, dollars: 0.06),
        Requests(parts: 10, storageClass: "RARE", requests: 12, dollars: 0.12),
        Requests(parts: 10, storageClass: "COLD", requests: 12, dollars: 0.105),
    ]

    @Test(
        "Requests: a PUT alone, or a multipart upload whose parts are the hot class's until an archive is complete",
        arguments: requests)
    private func writing(_ one: Requests) {
        let estimate = Self.table.writing(
            5, parts: one.parts, lookups: one.lookups, to: one.storageClass, in: "here")
        #expect(estimate.objects == 1 && estimate.bytes == 5 && estimate.unpriced == 0)
        #expect(estimate.requests == one.requests)
        #expect(isNear(estimate.now, one.dollars / 1_000), "\(estimate.now)")
    }

    @Test("A month: bytes, what a small object is charged, and the 40 KiB that an archived one adds")
    func month() {
        func month(_ bytes: Int64, _ storageClass: String) -> Double {
            Self.table.writing(bytes, to: storageClass, in: "here").month
        }
        let kibibyte = 1.0 / Double(1 << 20)
        #expect(isNear(month(100 * Self.gigabyte, "STANDARD"), 2))
        let overhead: Double = 32 * kibibyte * 0.001 + 8 * kibibyte * 0.02
        #expect(isNear(month(0, "COLD"), overhead))
        #expect(isNear(month(Self.gigabyte, "COLD"), 0.001 + overhead))
        #expect(isNear(month(1, "RARE"), 128 * kibibyte * 0.01))
        #expect(isNear(month(Self.gigabyte, "RARE"), 0.01))
    }

    @Test(
        "The fee of an early deletion is the storage of the days that are left",
        arguments: [
            ("COLD", 0, 0.001 * 6), ("COLD", 90, 0.001 * 3), ("COLD", 179, 0.001 / 30), ("COLD", 180, 0),
            ("COLD", 5_000, 0), ("COLD", -3, 0.001 * 6), ("RARE", 15, 0.005), ("STANDARD", 0, 0),
        ] as [(String, Int, Double)])
    func earlyDeletion(storageClass: String, age: Int, expected: Double) throws {
        // The overhead of 32 KiB is a thirty-thousandth of this.
        let fee = try #require(
            Self.table.earlyDeletion(Self.gigabyte, ageDays: age, from: storageClass, in: "here"))
        #expect(abs(fee - expected) <= expected * 1e-4)
        #expect((fee == 0) == (expected == 0))
    }

    @Test("Restores and transitions, by tier and by thousand objects")
    func restores() {
        func restoring(_ tier: String, _ storageClass: String) -> Double? {
            Self.table.restoring(
                objects: 2_000, bytes: 50 * Self.gigabyte, tier: tier, from: storageClass, in: "here")
        }
        #expect(isNear(restoring("standard", "COLD"), 1.2))
        #expect(isNear(restoring("bulk", "COLD"), 0.05))
        #expect(restoring("expedited", "COLD") == nil)
        #expect(isNear(restoring("direct", "RARE"), 0.5))
        #expect(isNear(Self.table.transition(objects: 3_000, to: "COLD", in: "here"), 0.15))
    }

    @Test(
        "What the table doesn't know has no dollars, but is counted",
        arguments: [("COLD", "there"), ("ODD", "here"), ("COLD", "no-hot")])
    func unpriced(storageClass: String, region: String) {
        let estimate = Self.table.writing(7, parts: 3, to: storageClass, in: region)
        #expect(estimate == CostEstimate(objects: 1, bytes: 7, requests: 5, unpriced: 1))
        #expect(Self.table.earlyDeletion(7, ageDays: 0, from: storageClass, in: region) == nil)
        #expect(Self.table.transition(objects: 1, to: storageClass, in: region) == nil)
        #expect(
            Self.table.restoring(objects: 1, bytes: 7, tier: "standard", from: storageClass, in: region) == nil)
    }

    @Test("Estimates add up")
    func sum() {
        var sum = CostEstimate()
        sum += CostEstimate(objects: 1, bytes: 2, requests: 3, now: 4, month: 5, unpriced: 0)
        sum += CostEstimate(objects: 10, bytes: 20, requests: 30, now: 40, month: 50, unpriced: 1)
        #expect(sum == CostEstimate(objects: 11, bytes: 22, requests: 33, now: 44, month: 55, unpriced: 1))
    }

    @Test("The list prices know the main regions, and an archive is cheap to keep and dear to write")
    func listPrices() throws {
        let prices = PriceTable.listPrices
        #expect(prices.regions.keys.sorted() == ["eu-central-1", "eu-west-1", "us-east-1", "us-west-2"])
        for (region, classes) in prices.regions {
            let hot = try #require(classes["STANDARD"], "\(region)")
            let cold = try #require(classes["DEEP_ARCHIVE"], "\(region)")
            #expect(cold.storage < hot.storage / 10 && cold.put >= hot.put * 10)
        }
        #expect(prices.terms["GLACIER"]?.minimumDays == 90)
        #expect(prices.terms["DEEP_ARCHIVE"]?.minimumDays == 180)
    }
}
