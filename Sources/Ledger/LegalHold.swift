package import Platform

/// An order that a tenant's archives stay, whatever the policy says.
package struct LegalHold: Codable, Sendable, Equatable {
    /// A glob over tenants.
    package var tenant: String
    /// The last day of the hold; nothing for one that has no end yet.
    package var until: String?
    /// Who ordered it and why.
    package var why: String
    /// When it was ordered here, and by which account.
    package var since: String?
    package var by: String?

    package init(tenant: String, until: CivilDate?, why: String, since: String? = nil, by: String? = nil) {
        self.tenant = tenant
        self.until = until?.description
        self.why = why
        self.since = since
        self.by = by
    }

    /// Whether the hold is in force: on its last day it still is, and where its date can't be read, too.
    package func isInForce(on day: CivilDate) -> Bool {
        guard let until, let last = CivilDate(until) else { return true }
        return day <= last
    }

    package func covers(_ tenant: String) -> Bool { Glob(self.tenant).matches(tenant) }

    /// Whether it covers one of these tenants; what has none is covered by a hold on everything.
    package func covers(anyOf tenants: [String]) -> Bool {
        tenants.isEmpty ? covers("") : tenants.contains(where: covers)
    }
}
