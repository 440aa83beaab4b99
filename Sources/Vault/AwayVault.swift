package import Platform

/// A vault of the job that can't be opened now.
package struct AwayVault: Sendable {
    package let name: String
    /// Why; it names the vault.
    package let fault: Fault

    package init(name: String, fault: Fault) {
        self.name = name
        self.fault = fault
    }

    /// What stands for it in records, beside the units.
    package var unit: String { "vault \(name)" }

    /// One fault for all of them, with each piece of advice once; nothing when there is none.
    package static func joined(_ away: [AwayVault]) -> Fault? {
        guard let first = away.first?.fault else { return nil }
        guard away.count > 1 else { return first }
        var hints: [String] = []
        for hint in away.compactMap(\.fault.hint) where !hints.contains(hint) { hints.append(hint) }
        return Fault(
            first.code, away.map(\.fault.description).joined(separator: "; "),
            hint: hints.isEmpty ? nil : hints.joined(separator: "\n"))
    }
}
