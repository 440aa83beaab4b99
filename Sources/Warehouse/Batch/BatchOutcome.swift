package import AWS
package import Ledger
package import Platform

/// What one job of Batch Operations has copied of a plan, as far as it is proved.
package struct BatchOutcome: Sendable {
    package let tasks: BatchTasks
    /// Of the job; tasks whose copy can't be proved count as failed.
    package private(set) var report: CompletionReport
    /// Those among them.
    package private(set) var unproved: Int64 = 0

    /// - Parameters:
    ///   - tasks: what the job was to copy.
    ///   - report: what it says.
    package init(_ tasks: BatchTasks, _ report: CompletionReport) {
        self.tasks = tasks
        self.report = report
    }

    /// Whether the job has copied what a row names.
    package func holds(_ row: Manifest.Row) -> Bool {
        tasks.includes(row) && !report.failed.contains(row.entry.key)
    }

    /// Compares what the report says with what the buckets list.
    ///
    /// A job copies what the source has at that moment, whatever the inventory said. That a copy is what the plan names is
    /// proved by its ETag; where ETags can't be the same, by the source, which still has the object of the inventory; and
    /// where a version was asked for, by that. All else is left to copies that have a condition.
    ///
    /// - Parameters:
    ///   - source: the bucket that was read.
    ///   - places: where objects are.
    ///   - open: opens the plan.
    /// - Throws: the fault of a store.
    package mutating func prove(
        _ source: S3Client, _ places: CopyPlaces, _ open: () throws(Fault) -> ManifestReader
    ) throws(Fault) {
        var (wrong, unsure) = (KeyDigests(), KeyDigests())
        try tasks.target(places).compare(open, selecting: { holds($0) }) { (row, listed) throws(Fault) in
            guard let listed, listed.size == row.entry.size else { return wrong.add(row.entry.key) }
            if listed.etag != row.entry.etag, row.entry.version.isEmpty { unsure.add(row.entry.key) }
        }
        unsure.sort()
        if unsure.count > 0 {
            let rows = ListedRows(source, under: ByteString())
            let scope = tasks.part == .logs ? ListedRows.Scope.logs : .common
            try rows.compare(open, scope, selecting: { holds($0) && unsure.contains($0.entry.key) }) { row, listed in
                guard let listed, listed.size == row.entry.size, listed.etag == row.entry.etag else {
                    return wrong.add(row.entry.key)
                }
            }
        }
        unproved = Int64(wrong.count)
        report.fail(wrong)
    }
}
