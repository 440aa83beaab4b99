package import Ledger
package import Platform

/// What a stage did in its runs.
package struct StageResult: Sendable {
    /// The attempts that came to an end, in the order of the runs.
    package var records: [StageRecord] = []
    /// Why some of the runs could not be worked on; it did not stop the others.
    package var fault: Fault?

    package init(records: [StageRecord] = [], fault: Fault? = nil) {
        self.records = records
        self.fault = fault
    }

    /// Takes what was done after: of a run that both have worked on the later attempt counts.
    package mutating func take(_ later: StageResult) {
        let again = Set(later.records.map(\.run))
        records.removeAll { again.contains($0.run) }
        records += later.records
        fault = fault ?? later.fault
    }

    /// Works on runs one after the other: a run that is locked, or has lost something, must not keep the later ones from
    /// being stored.
    ///
    /// - Parameters:
    ///   - runs: the runs, in their order.
    ///   - body: works on one; gives nothing for a run in which nothing is selected.
    /// - Throws: `interrupted` after a signal; the fault of all runs, when none could be worked on.
    package init<Run>(of runs: [Run], _ body: (Run) throws -> StageRecord?) throws(Fault) {
        var (records, faults): ([StageRecord], [Fault]) = ([], [])
        for run in runs {
            do {
                if let record = try body(run) { records.append(record) }
            } catch {
                let fault = Fault.wrapping(error)
                if fault.code == .interrupted { throw fault }
                faults.append(fault)
            }
        }
        if records.isEmpty, let fault = Self.joined(faults, isPartial: false) { throw fault }
        self.init(records: records, faults: faults)
    }

    /// What came of several runs, each of which may have failed alone.
    init(records: [StageRecord], faults: [Fault]) {
        self.init(records: records, fault: Self.joined(faults, isPartial: !records.isEmpty))
    }

    /// One fault of several; where others were worked on, only a part has failed.
    private static func joined(_ faults: [Fault], isPartial: Bool) -> Fault? {
        guard let first = faults.first(where: { $0.code != .tryLater }) ?? faults.first else { return nil }
        let code = isPartial && first.code != .tryLater ? Fault.Code.incomplete : first.code
        if faults.count == 1, code == first.code { return first }
        var hints: [String] = []
        for hint in faults.compactMap(\.hint) where !hints.contains(hint) { hints.append(hint) }
        return Fault(
            code, faults.map(\.description).joined(separator: "\n"),
            hint: hints.isEmpty ? nil : hints.joined(separator: "\n"))
    }
}
