import Codec
import Ledger
import Platform
import Vault

extension VaultPrune {
    /// Requests at once.
    private static let hiddenAtOnce = 8

    /// Decides about what was on its way out and is in no listing any more: it is gone, or a delete marker hides it.
    ///
    /// What is needed again comes back in any case, as long as the store has it; a hold may be younger than the marker.
    ///
    /// - Parameters:
    ///   - seen: keys of what the listing has.
    ///   - departures: what is on its way out.
    ///   - now: the time by the vault's clock.
    ///   - why: why something is needed again.
    /// - Returns: what is to be released, and what is gone since the last look.
    /// - Throws: the fault of the store.
    func hidden(
        _ seen: Set<KeyDigest>, _ departures: Departures, _ now: Timestamp, why: (Departure) -> [String]
    ) throws(Fault) -> [VaultPrunePlan.Item] {
        let today = CivilDate(localDayOf: now)
        let holds = request.holds.filter { $0.isInForce(on: today) }
        var asked: [(departure: Departure, why: [String])] = []
        for departure in departures where !seen.contains(KeyDigest(departure.key)) {
            var reasons: [String] = []
            // What was only in quarantine has no marker of ours above it.
            if departure.state != .quarantined {
                reasons = why(departure)
                for hold in holds where hold.covers(anyOf: departure.tenants) { reasons.append("hold: \(hold.why)") }
                if request.policy.keepsEverything { reasons.append("no policy") }
            }
            if departure.state != .gone || !reasons.isEmpty { asked.append((departure, reasons)) }
        }
        // A listing that lacks it is not enough: only a clear "not there" is.
        let looking = DepartingObjects(vault: vault, layout: layout)
        let there = Monitor<Set<String>>([])
        try ThreadCrew.each(asked.map(\.departure), atOnce: atOnce(Self.hiddenAtOnce), "prune") {
            departure throws(Fault) in
            if try looking.isThere(departure.key, departure.kind) { there.with { _ = $0.insert(departure.key) } }
        }
        let known = there.with { $0 }
        return asked.filter { !known.contains($0.departure.key) }.sorted { $0.departure.key < $1.departure.key }.map {
            departure, why in
            let gone = departure.state == .quarantined ? "was only in quarantine" : "the vault has it no more"
            return VaultPrunePlan.Item(
                object: departure.key, kind: departure.kind, bytes: departure.size,
                storageClass: departure.storageClass, created: departure.created.rfc3339, tenants: departure.tenants,
                run: departure.run, decision: why.isEmpty ? .gone : .release, why: why.isEmpty ? [gone] : why)
        }
    }
}
