import Codec
package import Ledger
package import Platform

/// The manifest of a database as it is committed: what was planned, with what came of it.
package struct CopiedManifest {
    private let run: CivilDate
    /// Of copies of content in this vault; nothing for what the plan says.
    private let storageClass: String?
    /// Whether a job of Batch Operations has copied a row, which no journal has then.
    private let isBatchCopied: (Manifest.Row) -> Bool

    package init(
        run: CivilDate, storageClass: String? = nil, isBatchCopied: @escaping (Manifest.Row) -> Bool
    ) {
        self.run = run
        self.storageClass = storageClass
        self.isBatchCopied = isBatchCopied
    }

    /// What the manifest holds.
    package struct Totals: Sendable, Equatable {
        package var taken = CopyTotals.Count()
        package var carried = CopyTotals.Count()
        package var skipped = CopyTotals.Count()
        /// By reason: a storage class, `vanished`, `archived`, `changed`.
        package var reasons: [String: CopyTotals.Count] = [:]

        package init() {}
    }

    /// Writes it.
    ///
    /// - Parameters:
    ///   - planned: what pack has made.
    ///   - journals: of the passes over content and over logs.
    ///   - writer: takes the rows; it is not finished.
    ///   - onTaken: told each row whose bytes this run has.
    /// - Returns: what the manifest holds.
    /// - Throws: `incomplete` while a row is neither copied nor known to be gone.
    package func write(
        _ planned: ManifestReader, _ journals: [CopyJournal], into writer: ManifestWriter,
        onTaken: (Manifest.Row) -> Void = { _ in }
    ) throws(Fault) -> Totals {
        var readers: [CopyJournal.Reader] = []
        for journal in journals { readers.append(try journal.reader()) }
        var totals = Totals()
        while var row = try planned.next() {
            if CopyPass.isTaken(row, by: run) {
                var note: CopyJournal.Row?
                for reader in readers {
                    guard let found = try reader.row(for: row.entry.key) else { continue }
                    // What was noted of other content, for an older plan of the run, says nothing of this.
                    if found.source == row.entry.etag { note = found }
                }
                // What an earlier attempt noted of it, in another bucket perhaps, says nothing of the job's copy.
                if !isBatchCopied(row) { try apply(note, to: &row) }
                if let storageClass, !row.object.isEmpty, !DestinationKeys.isLog(row.entry.key) {
                    row.storageClass = storageClass
                }
            }
            Self.count(row, run, &totals)
            if CopyPass.isTaken(row, by: run) { onTaken(row) }
            try writer.write(row)
        }
        return totals
    }

    private func apply(_ note: CopyJournal.Row?, to row: inout Manifest.Row) throws(Fault) {
        switch note?.state {
        case .copied: if let note { row.object = String(decoding: note.object.bytes, as: UTF8.self) }
        case .vanished, .archived, .changed:
            row.flags.insert(.skipped)
            row.reason = note?.state.rawValue ?? ""
            (row.object, row.run, row.storageClass) = ("", "", "")
        case .failed, nil:
            let why = note.map { ": \($0.object)" } ?? ""
            throw Fault(.incomplete, "'\(row.entry.key)' has not been copied\(why)")
        }
    }

    private static func count(_ row: Manifest.Row, _ run: CivilDate, _ totals: inout Totals) {
        if row.flags.contains(.skipped) {
            totals.skipped.add(row.entry.size)
            totals.reasons[row.reason, default: .init()].add(row.entry.size)
        } else if row.run == run.description {
            totals.taken.add(row.entry.size)
        } else {
            totals.carried.add(row.entry.size)
        }
    }
}
