import Ledger
import Platform

/// What a run does with a database: objects and bytes by what becomes of them.
package struct DatabaseTotals: Sendable, Equatable, Codable {
    package struct Sum: Sendable, Equatable, Codable {
        package var objects: Int64 = 0
        package var bytes: Int64 = 0

        package init() {}

        mutating func add(_ size: Int64) {
            objects += 1
            bytes += size
        }

        static func + (left: Sum, right: Sum) -> Sum {
            var sum = left
            sum.objects += right.objects
            sum.bytes += right.bytes
            return sum
        }
    }

    /// Content that is copied.
    package var taken = Sum()
    /// Log objects that are copied.
    package var logs = Sum()
    /// What the vaults hold already.
    package var carried = Sum()
    /// What is left out, by its class.
    package var skipped: [String: Sum] = [:]
    /// Log objects among that.
    package var skippedLogs: Int64 = 0
    /// What was held, and is not listed any more.
    package var vanished = Sum()
    /// Tables of which nothing is left, and what each had; a few of them.
    package var goneTables: [String: Int64] = [:]

    package init() {}

    /// All that is left out.
    package var allSkipped: Sum { skipped.values.reduce(Sum()) { $0 + $1 } }
    /// All that is listed.
    package var listed: Sum { taken + logs + carried + allSkipped }
    /// All that was held before.
    package var held: Int64 { carried.objects + vanished.objects + replaced }
    /// What is copied though other content of its key is held.
    package var replaced: Int64 = 0

    /// For the counts of a record: `taken.objects`, `skipped.GLACIER.bytes` and so on.
    package var counts: [String: Int64] {
        var counts: [String: Int64] = [:]
        func set(_ name: String, _ sum: Sum) {
            counts["\(name)objects"] = sum.objects
            counts["\(name)bytes"] = sum.bytes
        }
        set("", listed)
        set("taken.", taken)
        set("logs.", logs)
        set("carried.", carried)
        set("vanished.", vanished)
        for (name, sum) in skipped { set("skipped.\(name).", sum) }
        return counts
    }

    /// The share of a database that is left out, by objects or by bytes, whichever is more; from 0 to 1.
    package var skippedShare: Double {
        let (all, out) = (listed, allSkipped)
        guard out.objects > 0 else { return 0 }
        let byBytes = all.bytes > 0 ? Double(out.bytes) / Double(all.bytes) : 0
        return max(byBytes, Double(out.objects) / Double(all.objects))
    }

    /// The classes that are left out, for people: `GLACIER 12 objects (3 GiB)` and so on.
    package func skippedText(_ bytes: (Int64) -> String) -> String {
        skipped.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.objects) (\(bytes($0.value.bytes)))" }
            .joined(separator: ", ")
    }
}
