package import Platform

/// One place where credentials may come from.
package protocol CredentialProvider: Sendable {
    /// What stands in messages: `environment`, `profile 'x'`.
    var name: String { get }

    /// Looks for credentials; it is asked anew each time that those it gave are about to end.
    ///
    /// - Throws: what hinders it where it is set up, so that nothing weaker is taken instead.
    func find() throws(Fault) -> CredentialSearch
}

/// What came of looking in one place.
package enum CredentialSearch: Sendable, Equatable {
    case found(Credentials)
    /// The place is not set up, with the reason: `AWS_ACCESS_KEY_ID is not set`.
    case absent(String)
}
