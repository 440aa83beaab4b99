import Ledger
import Platform
import Vault

/// A look at the objects of a restore: which of them can be read, and what has to be thawed.
struct ThawLook {
    /// What the vault says of each object that is read, by its key in the manifests.
    let heads: [String: Result<ObjectHead, Fault>]
    let plan: ThawPlan
    /// What asking costs; nothing where there are no prices.
    let dollars: Double?
    let pricesOf: CivilDate?

    /// Whether an object can be read now; one of which nobody knows is read, and tells why it can't be.
    func canRead(_ object: RestorePlan.Object) -> Bool {
        guard object.isRead, case .success(let head) = heads[object.key] else { return true }
        return head.readability.isReadable
    }
}
