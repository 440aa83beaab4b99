import Platform
import Settings

/// An SFTP session through a process of the system's ssh: its configuration, keys, agents and known hosts hold, and its
/// cryptography has a processor of its own.
final class SSHConnection: Sendable {
    let session: SFTPSession
    private let process: ConnectedProcess

    /// How long a server may owe an answer; ssh itself notices a dead connection after a minute.
    private static let patience = 120.0

    /// Connects.
    ///
    /// - Parameters:
    ///   - host: the host's name.
    ///   - settings: how it is reached.
    ///   - program: the ssh to run.
    ///   - rate: what limits the reading.
    /// - Throws: `unreachable` with ssh's own words and advice.
    init(_ host: String, _ settings: SSHSettings, program: String, rate: RateLimit?) throws(Fault) {
        let ciphers = SSHCiphers.preferred(host, settings, program: program)
        let process = try ConnectedProcess(program, settings.arguments(for: host, ciphers: ciphers), name: host)
        self.process = process
        do {
            session = try SFTPSession(process.connection, host: host, patience: Self.patience, rate: rate) {
                SSHConnection.fault(of: process, host, program)
            }
            try session.greet()
        } catch {
            process.stop()
            throw error
        }
    }

    /// Ends the connection and its process.
    func close() {
        session.close()
        process.stop()
        _ = process.wait()
    }

    /// What ssh said when it ended; nothing while it runs.
    private static func fault(of process: ConnectedProcess, _ host: String, _ program: String) -> Fault? {
        guard let end = process.wait(milliseconds: 1_000) else { return nil }
        let words = process.lastWords()
        switch end {
        case .notStarted(let reason):
            return Fault(
                .unreachable, "\(host): can't start \(program): \(reason)",
                hint: "Install Debian's package openssh-client.")
        case .signalled(let number): return Fault(.unreachable, "\(host): ssh was killed by signal \(number)")
        case .exited(let status):
            guard let last = words.last else {
                return Fault(.unreachable, "\(host): ssh ended with status \(status)")
            }
            let plain = last.hasPrefix("ssh: ") ? String(last.dropFirst(5)) : last
            let advice = words.lazy.compactMap { SSHConnection.advice(for: $0, host) }.first
            return Fault(
                .unreachable, "\(host): ssh: \(advice?.said ?? plain)", hint: advice?.hint, retry: .temporary)
        }
    }

    /// What stands for a complaint in a message, and what to do about it.
    private static func advice(for line: String, _ host: String) -> (said: String, hint: String)? {
        func said(_ part: String) -> Bool { line.contains(part) }
        let line = line.hasPrefix("ssh: ") ? String(line.dropFirst(5)) : line
        if said("IDENTIFICATION HAS CHANGED") || said("POSSIBLE DNS SPOOFING") {
            return (
                "its host key has changed",
                "If \(host) was really installed anew, remove the old key with 'ssh-keygen -R \(host)' and add the new one; if not, somebody else answers."
            )
        }
        if said("host key is known for") {
            return (
                "its host key is not known",
                "Compare the key with the host's own and add it to known_hosts, for example with ssh-keyscan(1)."
            )
        }
        if said("Permission denied") {
            return (
                line, "Check the account, its authorized_keys, and 'ssh = { user = ..., options = [...] }' of the job."
            )
        }
        if said("subsystem request failed") {
            return (line, "The host's sshd_config has no 'Subsystem sftp'; 'internal-sftp' needs no shell.")
        }
        if said("Could not resolve hostname") {
            return (line, "Check the job's `hosts`, or set `address` for this host.")
        }
        if said("Connection refused") || said("timed out") || said("No route to host") {
            return (line, "Check that the host is up and lets this server in.")
        }
        return nil
    }
}
