import Console
import Ledger
import Platform
import Settings
import Staging

/// Looks for tenants that brought far less than they use to (`size_drop`): a host that stopped logging looks like success.
struct TenantAlarm {
    let context: StageContext

    /// The runs whose median counts, and how few of them tell nothing.
    private static let runs = 7
    private static let fewestRuns = 3

    /// The tenants of a complete run that are too small.
    func tenants(of run: RunDirectory) throws(Fault) -> [(tenant: String, why: String)] {
        guard let drop = context.job.sizeDrop else { return [] }
        var earlier: [[String: Int64]] = []
        for date in try context.directory.runs().sorted(by: >) where date < run.date && earlier.count < Self.runs {
            guard let other = try context.directory.run(date), try other.stageRecord(.collect)?.failed.isEmpty == true
            else { continue }
            earlier.append(try sizes(other))
        }
        guard earlier.count >= Self.fewestRuns else { return [] }
        let now = try sizes(run)
        var found: [(tenant: String, why: String)] = []
        for tenant in Set(earlier.flatMap(\.keys)).sorted()
        where !context.job.decommissionedTenants.contains(tenant) {
            let sorted = earlier.map { $0[tenant] ?? 0 }.sorted()
            let median = sorted[sorted.count / 2]
            let size = now[tenant] ?? 0
            guard median > 0, Double(size) < Double(median) * (1 - drop) else { continue }
            found.append(
                (
                    tenant,
                    "brought \(Figures.bytes(size)), the median of \(earlier.count) runs is \(Figures.bytes(median))"
                ))
        }
        return found
    }

    private func sizes(_ run: RunDirectory) throws(Fault) -> [String: Int64] {
        var sizes: [String: Int64] = [:]
        for record in try run.unitRecords(.collect) {
            for (tenant, bytes) in record.tenants ?? [:] { sizes[tenant, default: 0] += bytes }
        }
        return sizes
    }
}
