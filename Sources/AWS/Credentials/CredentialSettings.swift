/// What settings say of where credentials come from; all else is as AWS users expect.
package struct CredentialSettings: Sendable, Equatable {
    /// The name of the systemd credential that is used as the shared credentials file.
    package static let defaultCredential = "aws-credentials"

    /// A profile of the shared files; with one nothing else is looked for.
    package var profile: String?
    /// A role that is assumed with what is found.
    package var roleARN: String?
    package var externalID: String?
    /// The name of the systemd credential that is used as the shared credentials file, where it is there.
    package var credential: String
    /// The region of STS.
    package var region: String?

    package init(
        profile: String? = nil, roleARN: String? = nil, externalID: String? = nil,
        credential: String = defaultCredential, region: String? = nil
    ) {
        self.profile = profile
        self.roleARN = roleARN
        self.externalID = externalID
        self.credential = credential
        self.region = region
    }
}
