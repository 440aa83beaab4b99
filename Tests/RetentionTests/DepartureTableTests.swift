import Platform
import TestSupport
import Testing

@testable import Retention

@Suite struct DepartureTableTests {
    private func departure(_ key: String, _ number: Int64, _ random: inout SplitMix64) -> Departure {
        let states: [Departure.State] = [.quarantined, .retired, .releasing, .gone]
        return Departure(
            key: key, kind: number % 24 == 0 ? .manifest : .archive,
            state: states.randomElement(using: &random) ?? .gone, since: Timestamp(seconds: number, nanoseconds: 7),
            batch: "b\(number % 5)", size: number * 3, created: Timestamp(seconds: -number), storageClass: "c",
            tenants: ["t\(number % 7)"], run: "2026-01-0\(number % 9)")
    }

    @Test func `rows are found, changed, removed and told in order as in a dictionary`() throws {
        var random = SplitMix64(seed: 9)
        var model: [String: Departure] = [:]
        for number in 0..<40_000 {
            let key = "siem/t\(Int.random(in: 0..<1_000_000, using: &random))/\u{E4}\(number % 3).tar.gz"
            model[key] = departure(key, Int64(number), &random)
        }
        var table = DepartureTable()
        let keys = model.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for key in keys {
            let isAdded = model[key].map { table.append($0) }
            try #require(isAdded == true)
        }
        let first = try #require(model[keys[0]])
        let isAddedTwice = table.append(first)
        #expect(!isAddedTwice)
        for key in keys where Bool.random(using: &random) {
            let number = try #require(Array(key.utf8).withUnsafeBytes { table.number($0) })
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                table.set(number, nil)
                model[key] = nil
            case 1:
                let other = departure(key, Int64(number + 5), &random)
                table.set(number, nil)
                table.set(number, other)
                model[key] = other
            default:
                let other = departure(key, Int64(number + 3), &random)
                table.set(number, other)
                model[key] = other
            }
        }
        #expect(table.count == model.count)
        var found: [Departure] = []
        var number = table.next(from: 0)
        while let here = number {
            if let departure = table.departure(here) { found.append(departure) }
            number = table.next(from: here + 1)
        }
        let expected = keys.compactMap { model[$0] }
        #expect(found == expected)
        for key in ["", "siem/t", "z"] { #expect(Array(key.utf8).withUnsafeBytes { table.number($0) } == nil) }
    }
}
