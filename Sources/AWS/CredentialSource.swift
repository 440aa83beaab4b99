package import Platform

/// Where credentials come from.
///
/// It is asked before every request, from any thread, and keeps what it has until that is about to end.
package protocol CredentialSource: Sendable {
    /// Credentials that can be signed with now.
    ///
    /// - Throws: `permission` when there are none, saying what was tried; `unreachable` when a service that gives them
    ///   doesn't answer.
    func credentials() throws(Fault) -> Credentials

    /// Takes note that the service refused these as expired or unknown: the next call fetches new ones.
    func discard(_ refused: Credentials)
}

/// Credentials that never change.
package struct FixedCredentials: CredentialSource {
    private let fixed: Credentials

    package init(_ credentials: Credentials) { fixed = credentials }

    package func credentials() throws(Fault) -> Credentials { fixed }
    package func discard(_ refused: Credentials) {}
}
