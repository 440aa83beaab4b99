package import Platform

/// An order that a tenant's archives stay, whatever the policy says.
package struct LegalHold: Codable, Sendable, Equatable {
    /// A glob over tenants.
    package var tenant: String
    /// The last day of the hold; nothing for one that has no end yet.
    package var until: String?
    /// Who ordered it and why.
    package var why: String

    package init(tenant: String, until: CivilDate?, why: String) {
        self.tenant = tenant
        self.until = until?.description
        self.why = why
    }

    /// Whether the hold is in force: on its last day it still is, and where its date can't be read, too.
    package func isInForce(on day: CivilDate) -> Bool {
        guard let until, let last = CivilDate(until) else { return true }
        return day <= last
    }

    package func covers(_ tenant: String) -> Bool { Glob(self.tenant).matches(tenant) }
}
