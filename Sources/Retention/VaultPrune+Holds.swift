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
        package var failed: [Failure] = []

        package init(vault: String) { self.vault = vault }
    }

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
        var keys: Set<ObjectKey> = []
        let census = try ManifestCensus(self, now: clock.now())
        try census.forEachNamed(self) { manifest, object, tenants throws(Fault) in
            guard hold.covers(anyOf: tenants) else { return }
            if isOn || !others.contains(where: { $0.covers(anyOf: tenants) }) {
                keys.formUnion(layout.group(ofArchive: try ObjectKey(object)))
            }
            if isOn || !others.contains(where: { $0.covers(anyOf: Array(manifest.tenants)) }) {
                keys.formUnion(layout.group(ofManifest: manifest.key))
            }
        }
        for key in keys.sorted() {
            try Shutdown.check()
            do throws(Fault) {
                if try vault.store.setHold(isOn, key) { outcome.objects += 1 } else { outcome.missing += 1 }
            } catch {
                if [.interrupted, .unreachable].contains(error.code) { throw error }
                outcome.failed.append(Failure(object: key.description, why: error.description))
            }
        }
        return outcome
    }
}
