package import Logging
package import Platform

/// Sends requests from any number of threads; connections are kept and used again.
///
/// Every call blocks until its answer is whole: calls belong on threads of our own.
package final class HTTPClient: Sendable {
    package let settings: HTTPSettings
    private let log: Logger?
    /// Transfers that nobody uses; the last one back is the first one out, since its connection is the warmest.
    private let idle = Monitor<[Handed<Transfer>]>([])

    /// A client.
    ///
    /// - Parameters:
    ///   - settings: of every connection.
    ///   - log: gets one line for each request at level debug; nothing secret is in it.
    package init(_ settings: HTTPSettings, log: Logger? = nil) {
        self.settings = settings
        self.log = log
    }

    /// Sends a request and waits for the answer, whatever its status is.
    ///
    /// - Parameters:
    ///   - request: its body is read as it is sent.
    ///   - sink: takes the body of a success; without one it is in the response.
    /// - Returns: the answer.
    /// - Throws: `unreachable` naming the host, temporary where another attempt may succeed; what the body's source and
    ///   the sink throw; `limit` for a body too long to be kept; `interrupted` after a signal.
    package func send(_ request: HTTPRequest, into sink: (any HTTPSink)? = nil) throws(Fault) -> HTTPResponse {
        let transfer = try take()
        let began = Clock.monotonic()
        let response: HTTPResponse
        do { response = try transfer.send(request, into: sink) } catch {
            // Given back too: libcurl has closed the connection of a failed transfer.
            give(transfer)
            report(request, "\(error)", began, transfer)
            throw error
        }
        give(transfer)
        report(request, "\(response.status)", began, transfer)
        return response
    }

    private func take() throws(Fault) -> Transfer {
        if let transfer = idle.with({ $0.popLast() }) { return transfer.value }
        return try Transfer(settings)
    }

    private func give(_ transfer: Transfer) {
        let handed = Handed(transfer)
        idle.with { $0.append(handed) }
    }

    private func report(_ request: HTTPRequest, _ outcome: String, _ began: Double, _ transfer: Transfer) {
        guard let log, log.logLevel <= .debug else { return }
        let milliseconds = Int((Clock.monotonic() - began) * 1_000)
        log.debug(
            "\(RequestLine(request)) -> \(outcome), sent \(transfer.moved.sent), received \(transfer.moved.received), \(milliseconds) ms"
        )
    }
}
