import Platform

/// One request and its answer on their way through a ``FaultProxy``.
struct FaultExchange {
    private static let end = Array("\r\n\r\n".utf8)

    private let client: StreamSocket
    private let port: Int
    private let buffer = Buffer(capacity: 128 << 10)

    init(_ client: StreamSocket, _ port: Int) {
        self.client = client
        self.port = port
    }

    /// Reads the request, asks what becomes of it, and does that.
    ///
    /// - Throws: the fault of a connection.
    func run(_ judge: (String, String, [String: String]) -> FaultProxy.Action) throws(Fault) {
        var head: [UInt8] = []
        while head.firstRange(of: Self.end) == nil {
            guard let bytes = try read(client) else { return }
            head += bytes
        }
        guard let found = head.firstRange(of: Self.end) else { return }
        let rest = Array(head[found.upperBound...])
        let text = String(decoding: head[..<found.lowerBound], as: UTF8.self)
        let lines = text.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3 else { return }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        let action = judge(String(words[0]), String(words[1]), headers)
        let isHead = words[0] == "HEAD"
        switch action {
        case .dropRequest: return
        case .answer(let status, let body, let fields):
            // Read to its end: closing before that would reset the connection under the answer.
            var left = length - rest.count
            while left > 0, let bytes = try read(client) { left -= bytes.count }
            return try answer(status, body, fields, isHead)
        default: break
        }
        let store = try LoopbackListener.connect(port: port)
        store.setReadTimeout(seconds: 60)
        try write(Array((text + "\r\nConnection: close\r\n\r\n").utf8), to: store)
        guard try sendBody(length, beginning: rest, to: store, action) else { return }
        var whole: [UInt8] = []
        while let bytes = try read(store) { whole += bytes }
        let body = whole.firstRange(of: Self.end)?.upperBound ?? whole.count
        switch action {
        case .dropAnswer: return
        case .replaceAnswer(let status, let text, let fields): return try answer(status, text, fields, isHead)
        case .cutAnswer(let count): return try write(Array(whole.prefix(body + count)), to: client)
        case .flipAnswer(let offset): if body + offset < whole.count { whole[body + offset] ^= 1 }
        case .trickle(let rate):
            for byte in whole {
                try write([byte], to: client)
                Clock.pause(1 / rate)
            }
        default: break
        }
        if case .trickle = action {} else { try write(whole, to: client) }
        client.endWriting()
    }

    /// Hands on the body of the request.
    ///
    /// - Returns: false when it is to end in the middle.
    private func sendBody(
        _ length: Int, beginning: [UInt8], to store: StreamSocket, _ action: FaultProxy.Action
    ) throws(Fault) -> Bool {
        var (done, piece): (Int, [UInt8]) = (0, beginning)
        while done < length {
            if piece.isEmpty {
                guard let bytes = try read(client) else { return false }
                piece = bytes
            }
            if case .flipRequest(let offset) = action, piece.indices.contains(offset - done) {
                piece[offset - done] ^= 1
            }
            if case .cutRequest(let count) = action, done + piece.count >= count {
                try write(Array(piece.prefix(count - done)), to: store)
                return false
            }
            // A store that refuses early reads no more; its answer tells why.
            do throws(Fault) { try write(piece, to: store) } catch { return true }
            done += piece.count
            piece = []
        }
        return true
    }

    private func answer(_ status: Int, _ body: String, _ fields: [String: String], _ isHead: Bool) throws(Fault) {
        let lines = fields.map { "\($0.key): \($0.value)\r\n" }.joined()
        let head =
            "HTTP/1.1 \(status) Status\r\n\(lines)Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
        try write(Array((isHead ? head : head + body).utf8), to: client)
        client.endWriting()
    }

    /// What is there, or nothing at the end.
    private func read(_ socket: StreamSocket) throws(Fault) -> [UInt8]? {
        guard let count = try socket.read(into: buffer.bytes), count > 0 else { return nil }
        buffer.count = count
        return Array(buffer.contents)
    }

    private func write(_ bytes: [UInt8], to socket: StreamSocket) throws(Fault) {
        var failure: Fault?
        bytes.withUnsafeBytes { bytes in do throws(Fault) { try socket.write(bytes) } catch { failure = error } }
        if let failure { throw failure }
    }
}
