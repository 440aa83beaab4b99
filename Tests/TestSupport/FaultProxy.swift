import Glibc
import Platform

/// A proxy of the tests between a program and an object store over plain HTTP, where things go wrong at chosen points.
///
/// Every connection carries one request, and both sides are told so; heads go through unchanged otherwise, so that
/// signatures stay right. It ends when the object goes.
package final class FaultProxy: Sendable {
    /// What a request asks of S3.
    package enum Operation: Sendable, Hashable {
        case create, part, complete, abort, listParts, listUploads
        case put, copy, get, head, list, tagging, other
    }

    package struct Request: Sendable {
        package let method: String
        /// With the query, as it was sent.
        package let target: String
        /// By names in lower case.
        package let headers: [String: String]
        package let operation: Operation
        /// How often a request of this operation has come, from 1.
        package let turn: Int

        /// `partNumber` of the query.
        package var part: Int? {
            target.firstRange(of: "partNumber=").flatMap { Int(target[$0.upperBound...].prefix(while: \.isNumber)) }
        }
    }

    /// What becomes of a request.
    package enum Action: Sendable {
        case pass
        /// The connection ends before anything goes on to the store.
        case dropRequest
        /// So many bytes of the body go on to the store, then both connections end.
        case cutRequest(Int)
        /// The store has answered; the client gets nothing of it.
        case dropAnswer
        /// The client gets so many bytes of the body of the store's answer, then the connection ends.
        case cutAnswer(Int)
        /// An answer of ours; the store sees nothing.
        case answer(Int, String = "", headers: [String: String] = [:])
        /// The store has answered; the client gets an answer of ours.
        case replaceAnswer(Int, String = "", headers: [String: String] = [:])
        /// One bit of this byte of the request's body is another one.
        case flipRequest(Int)
        /// One bit of this byte of the answer's body is another one.
        case flipAnswer(Int)
        /// The answer goes on in single bytes, so many a second.
        case trickle(Double)
    }

    /// A document that S3 sends with an error.
    package static func error(_ code: String, _ more: String = "") -> String {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>\(code)</Code><Message>of the proxy</Message>\(more)</Error>"
    }

    private struct State {
        var seen: [Request] = []
        var turns: [Operation: Int] = [:]
    }

    private let listener: LoopbackListener
    private let state: Monitor<State>

    /// Starts a proxy.
    ///
    /// - Parameters:
    ///   - port: the store's, on the loopback.
    ///   - judge: says what becomes of a request; called by many threads.
    /// - Throws: the system's fault when there is no port or thread left.
    package init(to port: Int, _ judge: @escaping @Sendable (Request) -> Action = { _ in .pass }) throws {
        let state = Monitor(State())
        self.state = state
        listener = try LoopbackListener { client in
            client.setReadTimeout(seconds: 60)
            // What ends in the middle of this is the client's or the store's affair, and the test sees it there.
            try? FaultExchange(client, port).run { method, target, headers in
                let request = state.with { state -> Request in
                    let operation = Self.operation(method, target, headers)
                    state.turns[operation, default: 0] += 1
                    let request = Request(
                        method: method, target: target, headers: headers, operation: operation,
                        turn: state.turns[operation, default: 0])
                    state.seen.append(request)
                    return request
                }
                return judge(request)
            }
        }
    }

    /// `http://127.0.0.1:PORT`.
    package var url: String { "http://127.0.0.1:\(listener.port)" }

    /// The requests so far.
    package var requests: [Request] { state.with { $0.seen } }

    /// How many requests of an operation have come.
    package func count(_ operation: Operation) -> Int { state.with { $0.turns[operation] ?? 0 } }

    private static func operation(_ method: String, _ target: String, _ headers: [String: String]) -> Operation {
        // What a store is asked only to be known by is no part of what tests count.
        if target.contains("_coldchain-probe") { return .other }
        let parts = target.split(separator: "?", maxSplits: 1)
        let query = parts.count > 1 ? "&" + parts[1] : ""
        let isBucket = parts.first.map { $0.split(separator: "/").count < 2 } ?? true
        let hasID = query.contains("&uploadId=")
        if query.contains("&tagging") { return .tagging }
        switch method {
        case "POST": return hasID ? .complete : query.contains("&uploads") ? .create : .other
        case "DELETE": return hasID ? .abort : .other
        case "HEAD": return .head
        case "PUT":
            if headers["x-amz-copy-source"] != nil { return .copy }
            return query.contains("&partNumber=") ? .part : query.isEmpty && !isBucket ? .put : .other
        case "GET":
            if hasID { return .listParts }
            if query.contains("&uploads") { return .listUploads }
            return query.contains("&list-type=") ? .list : isBucket ? .other : .get
        default: return .other
        }
    }
}
