import Console
import Ledger
import Platform

/// What came of a database in a run, from its record.
struct DatabaseReport: Codable {
    struct Count: Codable {
        var objects: Int64
        var bytes: Int64

        static func += (left: inout Count, right: Count) {
            left.objects += right.objects
            left.bytes += right.bytes
        }
    }

    var run: String
    var vault: String
    var database: String
    /// Held because of this run.
    var taken: Count
    /// Copied by the last attempt; the rest was there.
    var copied: Count
    var carried: Count
    /// By reason: a storage class, `vanished`, `archived`, `changed`.
    var skipped: [String: Count]
    var cost: CostEstimate?
    var seconds: Double

    init(_ record: UnitRecord, vault: String) {
        func count(_ name: String) -> Count {
            Count(
                objects: record.counts["\(name).objects"] ?? 0, bytes: record.counts["\(name).bytes"] ?? 0)
        }
        run = record.run
        self.vault = vault
        database = record.unit
        (taken, copied, carried) = (count("taken"), count("copied"), count("carried"))
        skipped = [:]
        for name in record.counts.keys where name.hasPrefix("skipped.") && name.hasSuffix(".objects") {
            let reason = String(name.dropFirst("skipped.".utf8.count).dropLast(".objects".utf8.count))
            if reason.isEmpty || reason == "objects" { continue }
            skipped[reason] = count("skipped.\(reason)")
        }
        cost = record.cost
        seconds = Double(record.counts["milliseconds"] ?? 0) / 1_000
    }

    private var cells: [String] {
        let reasons = skipped.sorted { $0.key < $1.key }.map {
            "\($0.key) \($0.value.objects) (\(Figures.bytes($0.value.bytes)))"
        }
        return [
            "\(taken.objects)", Figures.bytes(taken.bytes), "\(carried.objects)", Figures.bytes(carried.bytes),
            cost.map { Figures.dollars($0.now) } ?? "-", Figures.seconds(seconds),
            reasons.isEmpty ? "-" : reasons.joined(separator: ", "),
        ]
    }

    /// A line for each database, and one for each vault's sum.
    static func table(_ reports: [DatabaseReport]) -> String {
        var table = TextTable(
            ["RUN", "VAULT", "DATABASE", "TAKEN", "SIZE", "CARRIED", "SIZE", "COST", "TIME", "SKIPPED"],
            right: [3, 4, 5, 6, 7, 8])
        var sums: [String: DatabaseReport] = [:]
        for report in reports {
            table.add([report.run, report.vault, report.database] + report.cells)
            guard var sum = sums[report.vault] else {
                sums[report.vault] = report
                continue
            }
            sum.taken += report.taken
            sum.carried += report.carried
            for (reason, count) in report.skipped {
                sum.skipped[reason, default: Count(objects: 0, bytes: 0)] += count
            }
            if let cost = report.cost { sum.cost = sum.cost.map { own in add(own, cost) } ?? cost }
            sum.seconds += report.seconds
            sums[report.vault] = sum
        }
        for (vault, sum) in sums.sorted(by: { $0.key < $1.key }) {
            table.add([sum.run, vault, "(all)"] + sum.cells)
        }
        return table.text
    }

    private static func add(_ one: CostEstimate, _ two: CostEstimate) -> CostEstimate {
        var sum = one
        sum += two
        return sum
    }
}
