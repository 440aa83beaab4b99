import Glibc
import Platform

/// A small HTTP/1.1 server of the tests on a loopback port of its own, with threads of its own.
///
/// It plays services that no test machine has, and ends when the object goes.
package final class LoopbackServer: Sendable {
    /// What has arrived.
    package struct Request: Sendable {
        package let method: String
        /// With the query, as it was sent.
        package let path: String
        /// By names in lower case.
        package let headers: [String: String]
        package let body: String

        /// The fields of a body or a query of the form `a=b&c=d`, decoded.
        package var form: [String: String] {
            var fields: [String: String] = [:]
            for pair in body.split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                fields[String(parts[0])] = parts.count > 1 ? PathEscape.unescape(String(parts[1]))?.description : ""
            }
            return fields
        }
    }

    /// What is answered.
    package enum Answer: Sendable {
        case status(Int, String = "", headers: [String: String] = [:])
        /// Headers and a body of bytes; of the answer to a HEAD only the headers are sent.
        case content([UInt8], status: Int = 200, headers: [String: String] = [:], isHead: Bool = false)
        /// Bytes as they are, then the end of the connection.
        case raw(String)
        /// The end of the connection without an answer.
        case drop
        /// Another answer after some seconds.
        indirect case late(Double, Answer)
    }

    private let listener: LoopbackListener
    private let arrived: Monitor<[Request]>

    /// Starts a server.
    ///
    /// - Parameter respond: answers requests; it runs on the server's threads, and gets the number of the request from 1.
    /// - Throws: the system's fault when there is no port or thread left.
    package init(_ respond: @escaping @Sendable (Request, Int) -> Answer) throws {
        let arrived = Monitor<[Request]>([])
        self.arrived = arrived
        listener = try LoopbackListener { Self.serve($0, arrived, respond) }
    }

    package var port: Int { listener.port }

    /// `http://127.0.0.1:PORT`.
    package var url: String { "http://127.0.0.1:\(port)" }

    /// What has arrived so far.
    package var requests: [Request] { arrived.with { $0 } }

    private static func serve(
        _ connection: StreamSocket, _ arrived: Monitor<[Request]>, _ respond: @Sendable (Request, Int) -> Answer
    ) {
        connection.setReadTimeout(seconds: 30)
        guard let request = read(connection) else { return }
        let number = arrived.with {
            $0.append(request)
            return $0.count
        }
        var answer = respond(request, number)
        while case .late(let seconds, let next) = answer {
            usleep(UInt32(seconds * 1e6))
            answer = next
        }
        let text: String
        var content: [UInt8] = []
        switch answer {
        case .late, .drop: return
        case .raw(let bytes): text = bytes
        case .content(let bytes, let status, let headers, let isHead):
            let fields = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
            text = "HTTP/1.1 \(status) Status\r\n\(fields)Content-Length: \(bytes.count)\r\nConnection: close\r\n\r\n"
            content = isHead ? [] : bytes
        case .status(let status, let body, let headers):
            let fields = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
            text =
                "HTTP/1.1 \(status) Status\r\n\(fields)Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        }
        let bytes = Array(text.utf8) + content
        bytes.withUnsafeBytes { try? connection.write($0) }
        connection.endWriting()
    }

    private static func read(_ connection: StreamSocket) -> Request? {
        var bytes: [UInt8] = []
        let buffer = Buffer(capacity: 16 << 10)
        let end = Array("\r\n\r\n".utf8)
        var head: (lines: [Substring], size: Int)?
        while true {
            if head == nil, let found = bytes.firstRange(of: end) {
                let text = String(decoding: bytes[..<found.lowerBound], as: UTF8.self)
                head = (text.split(separator: "\r\n"), found.upperBound)
            }
            if let (lines, size) = head, let first = lines.first {
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    guard parts.count == 2 else { continue }
                    headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
                }
                if bytes.count >= size + (headers["content-length"].flatMap { Int($0) } ?? 0) {
                    let words = first.split(separator: " ")
                    guard words.count == 3 else { return nil }
                    return Request(
                        method: String(words[0]), path: String(words[1]), headers: headers,
                        body: String(decoding: bytes[size...], as: UTF8.self))
                }
            }
            guard let count = try? connection.read(into: buffer.bytes), count > 0 else { return nil }
            buffer.count = count
            bytes.append(contentsOf: buffer.contents)
        }
    }
}
