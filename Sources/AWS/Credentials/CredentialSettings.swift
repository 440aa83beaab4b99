/// What settings say of where credentials come from; all else is as AWS users expect.
package struct CredentialSettings: Sendable, Equatable {
    /// A profile of the shared files; with one nothing else is looked for.
    package var profile: String?
    /// A role that is assumed with what is found.
    package var roleARN: String?
    /// The region of STS.
    package var region: String?

    package init(profile: String? = nil, roleARN: String? = nil, region: String? = nil) {
        self.profile = profile
        self.roleARN = roleARN
        self.region = region
    }
}
