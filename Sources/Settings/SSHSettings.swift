/// How a host is reached over SSH: what goes to ssh(1) beside the host's name.
package struct SSHSettings: Sendable, Equatable {
    /// The account on the host; without it ssh's own configuration decides.
    package var user: String?
    package var port: Int?
    /// Further arguments of ssh: with a leading `-` as they are, others behind `-o`.
    package var options: [String]
    /// The source address or the interface of connections.
    package var bind: String?
    /// The name or address that ssh connects to, where it is not the host's own name.
    package var address: String?

    package init(
        user: String? = nil, port: Int? = nil, options: [String] = [], bind: String? = nil, address: String? = nil
    ) {
        self.user = user
        self.port = port
        self.options = options
        self.bind = bind
        self.address = address
    }

    /// The arguments of ssh(1) for a connection to the host's SFTP server.
    ///
    /// - Parameters:
    ///   - host: the host's name.
    ///   - ciphers: the list to offer, where it is not ssh's own.
    /// - Returns: all that stands behind the program's name.
    package func arguments(for host: String, ciphers: String? = nil) -> [String] {
        options(for: host) + (ciphers.map { ["-oCiphers=\($0)"] } ?? []) + ["-s", "--", address ?? host, "sftp"]
    }

    /// The arguments with which ssh(1) prints the configuration of such a connection.
    package func queryArguments(for host: String) -> [String] { options(for: host) + ["-G", "--", address ?? host] }

    /// Of options that are given twice ssh takes the first, so the administrator's come before ours.
    private func options(for host: String) -> [String] {
        var arguments = options.map { $0.hasPrefix("-") ? $0 : "-o\($0)" }
        if let user { arguments.append("-oUser=\(user)") }
        if let port { arguments.append("-oPort=\(port)") }
        if let bind { arguments.append((Self.isAddress(bind) ? "-oBindAddress=" : "-oBindInterface=") + bind) }
        return arguments + Self.ours.map { "-o\($0)" }
    }

    /// Nothing is asked, nobody unknown is trusted, a dead host is noticed, and nothing is forwarded to it.
    private static let ours = [
        "BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=20", "ServerAliveInterval=15",
        "ServerAliveCountMax=4", "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes", "PermitLocalCommand=no",
        "ControlMaster=no", "ControlPath=none", "RequestTTY=no",
    ]

    /// Whether a text is an IPv4 or IPv6 address; else it is the name of an interface.
    private static func isAddress(_ text: String) -> Bool {
        text.contains(":") || (text.contains(".") && text.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) })
    }
}
