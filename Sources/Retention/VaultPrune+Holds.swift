import Codec
package import Ledger
package import Platform
import Vault

extension VaultPrune {
    /// What setting or ending the holds of a store came to.
    package struct HoldOutcome: Codable, Sendable {
        package var vault: String
        /// False for a vault that has no holds of its own: the job's hold keeps ship from deleting all the same.
        package var isSupported = true
        package var objects = 0
        package var missing = 0
        /// What was on its way out and was taken back at once.
        package var released: Int?
        package var failed: [Failure] = []

        package init(vault: String) { self.vault = vault }

        /// Requests at once.
        private static let atOnce = 16

        /// Treats some objects, several at once; one that fails keeps no other back.
        ///
        /// - Parameters:
        ///   - keys: of the objects; empty afterwards.
        ///   - body: sets or ends the hold of one, and tells whether it is there.
        /// - Throws: what keeps all of them from being treated.
        mutating func treat<Key: Sendable & CustomStringConvertible>(
            _ keys: inout [Key], _ body: @escaping @Sendable (Key) throws(Fault) -> Bool
        ) throws(Fault) {
            let found = Monitor(self)
            try ThreadCrew.each(keys, atOnce: Self.atOnce, "hold") { key throws(Fault) in
                do throws(Fault) {
                    let isThere = try body(key)
                    found.with { if isThere { $0.objects += 1 } else { $0.missing += 1 } }
                } catch {
                    if [.interrupted, .unreachable].contains(error.code) { throw error }
                    found.with { $0.failed.append(Failure(object: key.description, why: error.description)) }
                }
            }
            self = found.with { $0 }
            keys.removeAll(keepingCapacity: true)
        }
    }

    /// Objects at a time.
    static let holdsAtATime = 1_000

    /// Sets or ends the store's own legal hold on all that a tenant has in the vault: its archives with what lies beside
    /// them, and the manifests that name them.
    ///
    /// - Parameters:
    ///   - isOn: true to set it.
    ///   - hold: whose objects.
    ///   - others: holds that stay in force: what one of them covers is not let go.
    /// - Returns: how many objects were treated.
    /// - Throws: the fault of the store.
    package func setHolds(_ isOn: Bool, _ hold: LegalHold, others: [LegalHold]) throws(Fault) -> HoldOutcome {
        var outcome = HoldOutcome(vault: vault.name)
        guard try vault.store.canHold() else {
            outcome.isSupported = false
            return outcome
        }
        func isMeant(_ tenants: [String]) -> Bool {
            hold.covers(anyOf: tenants) && (isOn || !others.contains { $0.covers(anyOf: tenants) })
        }
        let store = vault.store
        var keys: [ObjectKey] = []
        func treat() throws(Fault) {
            try outcome.treat(&keys) { key throws(Fault) in try store.setHold(isOn, key) }
        }
        let census = try ManifestCensus(self, now: clock.now())
        try census.forEachNamed(self) { object, tenants throws(Fault) in
            guard isMeant(tenants) else { return }
            keys += layout.group(ofArchive: try ObjectKey(object))
            if keys.count >= Self.holdsAtATime { try treat() }
        }
        for manifest in census.manifests where manifest.head != nil && isMeant(manifest.tenants) {
            keys += layout.group(ofManifest: manifest.key)
        }
        try treat()
        return outcome
    }
}
