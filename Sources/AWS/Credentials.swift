package import Platform

/// What requests are signed with.
package struct Credentials: Sendable, Equatable {
    package var accessKey: String
    package var secretKey: Secret
    /// Of temporary credentials.
    package var sessionToken: Secret?
    /// When temporary credentials end.
    package var expires: Timestamp?

    package init(accessKey: String, secretKey: Secret, sessionToken: Secret? = nil, expires: Timestamp? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.expires = expires
    }
}
