import AWS
package import Ledger
package import Platform
import Settings
import Vault
import Warehouse

extension DatabasePrune {
    /// Requests at once.
    private static let holdsAtOnce = 16

    /// Sets or ends the store's own legal hold on all that the vault has of the databases that a hold covers: content, logs
    /// and manifests.
    ///
    /// - Parameters:
    ///   - isOn: true to set it.
    ///   - hold: whose objects.
    ///   - others: holds that stay in force: what one of them covers is not let go.
    /// - Returns: how many objects were treated.
    /// - Throws: the fault of the store.
    package func setHolds(_ isOn: Bool, _ hold: LegalHold, others: [LegalHold]) throws(Fault)
        -> VaultPrune.HoldOutcome
    {
        var outcome = VaultPrune.HoldOutcome(vault: prune.vault.name)
        guard try store.canHold() else {
            outcome.isSupported = false
            return outcome
        }
        let manifests = try ManifestCensus(prune, now: prune.clock.now(), isRead: false).manifests
            .filter { $0.head != nil && hold.covers($0.unit) }
            .filter { manifest in isOn || !others.contains { $0.covers(manifest.unit) } }
        var keys: [ByteString] = []
        func apply() throws(Fault) {
            try setHold(isOn, keys, &outcome)
            keys.removeAll(keepingCapacity: true)
        }
        for unit in Set(manifests.map(\.unit)).sorted() {
            let database = warehouse.prefix.prefix(of: PathEscape.unescape(unit) ?? ByteString(unit))
            let runs = Set(manifests.filter { $0.unit == unit }.map(\.run)).sorted()
            for place in ["data/"] + runs.map({ "run/\($0)/" }) {
                let beginning = store.prefix + ByteString("\(prune.layout.job)/\(place)") + database
                try store.client.list(prefix: beginning) { listed throws(Fault) in
                    try Shutdown.check()
                    keys.append(listed.key)
                    if keys.count >= 1_000 { try apply() }
                }
            }
        }
        for manifest in manifests {
            for key in prune.layout.group(ofManifest: manifest.key) { keys.append(store.prefix + key.bytes) }
        }
        try apply()
        return outcome
    }

    private func setHold(_ isOn: Bool, _ keys: [ByteString], _ outcome: inout VaultPrune.HoldOutcome) throws(Fault) {
        let rest = Monitor(keys)
        let found = Monitor(outcome)
        let crew = ThreadCrew(onFault: { rest.with { $0.removeAll() } })
        for _ in 0..<min(Self.holdsAtOnce, keys.count) {
            try crew.start("hold") {
                while let key = rest.with({ $0.popLast() }) {
                    try Shutdown.check()
                    do throws(Fault) {
                        let isThere = try store.setHold(isOn, at: key)
                        found.with { if isThere { $0.objects += 1 } else { $0.missing += 1 } }
                    } catch {
                        if [.interrupted, .unreachable].contains(error.code) { throw error }
                        found.with { $0.failed.append(.init(object: key.description, why: error.description)) }
                    }
                }
            }
        }
        try crew.join()
        outcome = found.with { $0 }
    }
}
