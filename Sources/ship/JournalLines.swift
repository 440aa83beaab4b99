import Platform

/// What a unit said last, as journalctl(1) shows it.
enum JournalLines {
    /// Bytes that are kept at once.
    private static let most = 128 << 10

    /// The last lines of an invocation; none where there is no journal to read.
    static func last(_ count: Int, invocation: String) -> [String] {
        guard invocation.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
            return []
        }
        guard
            let process = try? ConnectedProcess(
                "journalctl",
                [
                    "--quiet", "--no-pager", "--output=cat", "--lines=\(count)", "_SYSTEMD_INVOCATION_ID=\(invocation)",
                    "+",
                    "INVOCATION_ID=\(invocation)",
                ], name: "journalctl")
        else { return [] }
        process.connection.setReadTimeout(seconds: 10)
        let buffer = Buffer(capacity: 16 << 10)
        var said: [UInt8] = []
        while let got = try? process.connection.read(into: buffer.bytes), got > 0 {
            said += buffer.bytes[..<got]
            // The newest lines come last.
            if said.count > most { said.removeFirst(said.count - most / 2) }
        }
        process.stop()
        return String(decoding: said, as: UTF8.self).split(separator: "\n").suffix(count).map {
            String(
                String.UnicodeScalarView($0.unicodeScalars.prefix(400).filter { $0.value >= 0x20 && $0.value != 0x7F }))
        }
    }
}
