import Glibc
import Platform

/// A real sshd of the tests, on a loopback port of its own with keys of its own; killed when the object goes.
package final class SSHServer: Sendable {
    /// What `Subsystem sftp` and the accounts may do.
    package enum Access: Sendable {
        case shell
        /// SFTP and nothing else, read only (`ForceCommand internal-sftp -R`).
        case sftpOnly
    }

    package let port: Int
    /// Keys, known hosts and configuration.
    package let directory: String
    private let temporary: TemporaryDirectory
    private let process: Monitor<ChildProcess?>

    /// Starts a server and waits until it answers.
    package init(_ access: Access = .shell) async throws {
        temporary = try TemporaryDirectory()
        directory = temporary.path
        let directory = directory
        // As root sshd wants the directory that its service would make.
        if getuid() == 0 { _ = try Directory.create("/run/sshd") }
        for key in ["host", "user", "other"] {
            let made = try await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(directory)/\(key)"])
            guard made.status == 0 else { throw Fault(.io, "ssh-keygen: \(made)") }
        }
        port = try Self.freePort()
        let force = access == .sftpOnly ? "ForceCommand internal-sftp -R\nAllowTcpForwarding no\n" : ""
        let files = try TreeBuilder(directory)
        try files.file(
            "sshd_config",
            text: """
                ListenAddress 127.0.0.1:\(port)
                HostKey \(directory)/host
                PidFile none
                AuthorizedKeysFile \(directory)/user.pub
                StrictModes no
                UsePAM no
                PasswordAuthentication no
                KbdInteractiveAuthentication no
                UseDNS no
                MaxStartups 200
                MaxSessions 100
                Subsystem sftp internal-sftp
                \(force)
                """)
        process = Monitor(nil)
        try await writeKnownHosts()
        try await start()
    }

    /// Starts the server, on its port, and waits until it answers; a new one does so by itself.
    package func start() async throws {
        let child = try ChildProcess(
            ["/usr/sbin/sshd", "-D", "-e", "-f", "\(directory)/sshd_config"], log: "\(directory)/log")
        process.with { $0 = child }
        guard try await eventually(timeout: 20, { Self.answers(self.port) }) else {
            throw Fault(.io, "sshd does not answer: \(log)")
        }
    }

    /// Whether sshd is installed.
    package static var isInstalled: Bool { access("/usr/sbin/sshd", X_OK) == 0 }

    /// What the server has logged.
    package var log: String {
        (try? Directory.open(directory).readFile("log")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Writes the known hosts: the key of this server, or another one.
    package func writeKnownHosts(key: String = "host", port other: Int? = nil) async throws {
        let text = String(decoding: try Directory.open(directory).readFile(ByteString("\(key).pub")), as: UTF8.self)
        let fields = text.split(separator: " ").prefix(2).joined(separator: " ")
        var lines = "[127.0.0.1]:\(port) \(fields)\n"
        if let other { lines += "[127.0.0.1]:\(other) \(fields)\n" }
        try TreeBuilder(directory).file("known_hosts", text: lines)
    }

    /// The options of ssh with which the server lets one in.
    package var options: [String] { options(key: "user") }

    private func options(key: String) -> [String] {
        [
            "-F/dev/null", "IdentityFile=\(directory)/\(key)", "IdentitiesOnly=yes",
            "UserKnownHostsFile=\(directory)/known_hosts", "GlobalKnownHostsFile=/dev/null",
        ]
    }

    /// The keys of a job, or of `[host.NAME]`, that lead here.
    ///
    /// - Parameters:
    ///   - other: another port that leads here, such as that of a proxy.
    ///   - key: the key of the client.
    ///   - user: the account; without it that of the tests.
    ///   - more: further options of ssh.
    /// - Returns: a line `ssh = { ... }`.
    package func settings(port other: Int? = nil, key: String = "user", user: String? = nil, _ more: [String] = [])
        -> String
    {
        let list = (more + options(key: key)).map { "\"\($0)\"" }.joined(separator: ", ")
        return "ssh = { \(user.map { "user = \"\($0)\", " } ?? "")port = \(other ?? port), options = [\(list)] }"
    }

    /// Ends the connections, but not the server: the processes of the sessions are killed.
    package func dropConnections() async throws { try await signalSessions(SIGKILL) }

    /// Sends a signal to the processes of the connections.
    package func signalSessions(_ number: Int32) async throws {
        guard let pid = process.with({ $0?.pid }) else { return }
        _ = try await run(["pkill", "-\(number)", "-P", "\(pid)"])
    }

    package func stop() { process.with { $0?.stop() } }

    /// Kills the server and the processes of its connections.
    package func kill() async throws {
        let pid = process.with { $0?.pid }
        guard let pid else { return }
        // The listener first, which would else take up whoever comes again.
        _ = try await run(["bash", "-c", "sessions=$(pgrep -P $0); kill -9 $0 $sessions", "\(pid)"])
        stop()
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Fault.lastSystem("make", "socket") }
        defer { close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw Fault.lastSystem("bind", "socket") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func answers(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
