import Platform

/// A mail server of the tests without TLS, on a loopback port of its own: it takes whatever it is told, and keeps it.
package final class MailServer: Sendable {
    private let listener: LoopbackListener
    private let said: Monitor<[String]>

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - offers: what it answers to EHLO, such as `AUTH PLAIN`.
    ///   - answers: what it says to commands that begin with the key instead of 250.
    /// - Throws: the system's fault when there is no port or thread left.
    package init(offers: [String] = [], answers: [String: String] = [:]) throws {
        let said = Monitor<[String]>([])
        self.said = said
        listener = try LoopbackListener { connection in
            connection.setReadTimeout(seconds: 30)
            Self.say("220 tests", connection)
            var rest: [UInt8] = []
            var isMessage = false
            let buffer = Buffer(capacity: 4 << 10)
            while let count = try? connection.read(into: buffer.bytes), count > 0 {
                buffer.count = count
                rest.append(contentsOf: buffer.contents)
                while let end = rest.firstIndex(of: 0x0A) {
                    let line = String(decoding: rest[..<end].filter { $0 != 0x0D }, as: UTF8.self)
                    rest.removeFirst(end + 1)
                    said.with { $0.append(line) }
                    if isMessage {
                        guard line == "." else { continue }
                        isMessage = false
                    }
                    let other = answers.first { line.hasPrefix($0.key) }?.value
                    isMessage = line == "DATA"
                    if line == "QUIT" { return Self.say("221 bye", connection) }
                    if line.hasPrefix("EHLO") {
                        for offer in offers { Self.say("250-\(offer)", connection) }
                    }
                    Self.say(other ?? (isMessage ? "354 go on" : "250 ok"), connection)
                }
            }
        }
    }

    package var port: Int { listener.port }

    /// The lines that have arrived.
    package var lines: [String] { said.with { $0 } }

    private static func say(_ line: String, _ connection: StreamSocket) {
        let bytes = Array("\(line)\r\n".utf8)
        bytes.withUnsafeBytes { try? connection.write($0) }
    }
}
