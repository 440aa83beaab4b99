import Ledger
package import Platform
package import Settings

/// Looks at single paths of a host, over one connection.
package final class SFTPProbe {
    private let connection: SSHConnection

    /// Connects.
    ///
    /// - Throws: `unreachable` with ssh's words.
    package init(_ host: String, _ ssh: SSHSettings, program: String = "ssh") throws(Fault) {
        connection = try SSHConnection(host, ssh, program: program, rate: nil)
    }

    deinit { connection.close() }

    /// Whether there is a directory at `path`.
    package func hasDirectory(_ path: String) throws(Fault) -> Bool {
        let session = connection.session
        return try session.wait({ (reply) throws(Fault) -> Bool in
            switch reply {
            case .attributes(let attributes): return attributes.kind == .directory
            case .status(SFTPMessage.Status.noSuchFile, _): return false
            default: throw reply.fault("stat", "\(session.host):\(path)")
            }
        }) { session.send(.stat, path: ByteString(path), $0) }
    }
}
