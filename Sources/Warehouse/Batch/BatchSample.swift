import AWS
package import Ledger
package import Platform

/// Looks at some of the copies that a job of Batch Operations has reported.
package struct BatchSample {
    private let report: CompletionReport
    private let part: BatchCSV.Part
    private let keys: DestinationKeys
    private let places: CopyPlaces

    /// Copies that are asked for, at the most.
    private static let most: Int64 = 200

    package init(_ report: CompletionReport, _ part: BatchCSV.Part, _ keys: DestinationKeys, _ places: CopyPlaces) {
        self.report = report
        self.part = part
        self.keys = keys
        self.places = places
    }

    /// - Parameters:
    ///   - manifest: what was planned.
    ///   - run: the run.
    /// - Throws: `damaged` for a copy that is reported and not there, or has another size.
    package func check(_ manifest: ManifestReader, run: CivilDate) throws(Fault) {
        let stride = max(1, report.succeeded / Self.most)
        var number: Int64 = 0
        while let row = try manifest.next() {
            guard CopyPass.isTaken(row, by: run), BatchCSV.part(of: row, keys) == part,
                report.failed[row.entry.key] == nil
            else { continue }
            defer { number += 1 }
            guard number % stride == 0 else { continue }
            try Shutdown.check()
            let (client, key) = try places.place(ByteString(row.object))
            let size = try client.head(key)?.size
            guard size == row.entry.size else {
                throw Fault(
                    .damaged,
                    "\(client.name(key)): is reported as copied, and \(size.map { "has \($0) bytes, not \(row.entry.size)" } ?? "is not there")",
                    hint:
                        "Run the same command again; without 'route' in the job's settings objects are copied one by one."
                )
            }
        }
    }
}
