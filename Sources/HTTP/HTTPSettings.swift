/// How connections are made, and how long they are waited for.
package struct HTTPSettings: Sendable {
    /// A file with certificates in PEM, or a directory of them, that are trusted instead of the system's.
    package var certificates: String?
    /// The source of connections: an address or the name of an interface.
    package var bind: String?
    /// Whether the proxies of the environment are used (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`).
    package var usesProxies = true
    /// Seconds until a connection must be there.
    package var connectTimeout = 20
    /// A transfer ends when it has been slower than `lowSpeedLimit` bytes a second for so many seconds.
    package var lowSpeedTime = 60
    package var lowSpeedLimit = 1
    /// Seconds for a whole request; 0 for no limit.
    package var totalTimeout = 0
    /// The longest body that is kept in a response, in bytes.
    package var maximumBody = 4 << 20
    package var userAgent: String

    package init(userAgent: String) { self.userAgent = userAgent }
}
