import Glibc
import Hosts
import Platform
import Settings
import TestSupport
import Testing

/// The kinds of source tree that keep one contract.
enum TreeKind: CaseIterable, Sendable, CustomTestStringConvertible {
    /// Mounted here.
    case local
    /// Behind a real sshd, with the server in it.
    case sshd
    /// Behind Debian's sftp-server(8), started in the place of ssh.
    case sftpServer

    var testDescription: String {
        switch self {
        case .local: "LocalTree"
        case .sshd: "SFTPTree over sshd"
        case .sftpServer: "SFTPTree over sftp-server"
        }
    }

    private static let sftpServerPath = "/usr/lib/openssh/sftp-server"

    /// Those that can be had on this machine.
    static let possible = allCases.filter { kind in
        switch kind {
        case .local: true
        case .sshd: SSHServer.isInstalled
        case .sftpServer: access(sftpServerPath, X_OK) == 0
        }
    }

    /// Calls `body` with the tree at `path`, on a thread that may block, and closes the tree.
    ///
    /// - Parameters:
    ///   - path: the top of the tree.
    ///   - ignoring: keys that are no part of the tree.
    ///   - body: what to do with it.
    /// - Returns: what `body` returns.
    /// - Throws: why the tree can't be opened; what `body` throws.
    func withTree<R: Sendable>(
        _ path: String, ignoring: [ByteString] = [], _ body: @escaping @Sendable (any SourceTree) throws -> R
    ) async throws -> R {
        var options = SFTPTree.Options()
        options.ignored = ignoring
        let helper = try TemporaryDirectory()
        switch self {
        case .local: break
        case .sshd:
            let server = try await SharedSSHServer.shared.server()
            options.ssh = SSHSettings(port: server.port, options: server.options, address: "127.0.0.1")
        case .sftpServer:
            let script = "#!/bin/sh\n[ \"${*#*-G}\" = \"$*\" ] || exit 1\nexec \(Self.sftpServerPath)\n"
            try TreeBuilder(helper.path).file("ssh", text: script, mode: 0o755)
            options.program = helper.path + "/ssh"
        }
        let (kind, chosen) = (self, options)
        return try await onOwnThread {
            defer { withExtendedLifetime(helper) {} }
            if kind == .local { return try body(try LocalTree(path, ignoring: ignoring)) }
            let tree = try SFTPTree("host", path, chosen)
            defer { tree.close() }
            return try body(tree)
        }
    }
}

/// One sshd for all cases; it is killed when the tests end.
private actor SharedSSHServer {
    static let shared = SharedSSHServer()
    private static let running = Monitor<SSHServer?>(nil)
    private var starting: Task<SSHServer, any Error>?

    func server() async throws -> SSHServer {
        let task =
            starting
            ?? Task {
                let server = try await SSHServer()
                Self.running.with { $0 = server }
                // Nothing else would ever end it.
                atexit { SharedSSHServer.end() }
                return server
            }
        starting = task
        return try await task.value
    }

    private static func end() { running.with { $0?.stop() } }
}
