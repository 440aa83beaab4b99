import Platform
import Settings

/// Which ciphers are offered to a host.
///
/// ssh prefers ChaCha20 whatever the processor; with AES instructions AES-GCM costs half as much. The order is changed
/// only where nobody has configured one, and no cipher is added.
enum SSHCiphers {
    /// What ssh offers where nothing is configured; asked once.
    private static let plain = Monitor<[String: String?]>([:])

    private static let quick = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"]

    /// The list for a host; nothing where ssh's own choice is right.
    static func preferred(_ host: String, _ settings: SSHSettings, program: String) -> String? {
        guard hasAES else { return nil }
        // Both questions at once: each is a process.
        let own = query(program, settings.queryArguments(for: host))
        let standard = plain.with { known -> String? in
            if let list = known[program] { return list }
            let list = query(program, ["-F/dev/null", "-G", "localhost"]).flatMap(answer)
            known[program] = .some(list)
            return list
        }
        guard let standard, own.flatMap(answer) == standard else { return nil }
        let list = standard.split(separator: ",").map(String.init)
        let first = quick.filter { list.contains($0) }
        guard !first.isEmpty else { return nil }
        return (first + list.filter { !first.contains($0) }).joined(separator: ",")
    }

    private static func query(_ program: String, _ arguments: [String]) -> ConnectedProcess? {
        try? ConnectedProcess(program, arguments, name: "ssh -G")
    }

    /// What `ssh -G` prints behind `ciphers`.
    private static func answer(_ process: ConnectedProcess) -> String? {
        defer { process.stop() }
        let buffer = Buffer(capacity: 64 << 10)
        while buffer.count < buffer.capacity,
            let count = try? process.connection.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffer.count...])), count > 0
        {
            buffer.count += count
        }
        let lines = buffer.contents.split(separator: UInt8(ascii: "\n"))
        let line = lines.first { $0.starts(with: "ciphers ".utf8) }
        return line.map { ByteString($0.dropFirst("ciphers ".utf8.count)).description }
    }

    /// Whether this machine's processor has instructions for AES.
    private static let hasAES: Bool = {
        guard let file = try? File.open("/proc/cpuinfo") else { return false }
        let buffer = Buffer(capacity: 16 << 10)
        buffer.count = (try? file.read(into: buffer.bytes, at: 0)) ?? 0
        let words = buffer.contents.split { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 }
        return words.contains { $0.elementsEqual("aes".utf8) }
    }()
}
