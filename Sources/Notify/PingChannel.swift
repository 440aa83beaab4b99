package import HTTP
package import Platform
import Settings

/// Asks for an address, so that a dead man's switch knows that the night went well; `/start` and `/fail` behind it tell
/// the other two.
///
/// A run that never was asks for nothing, and the switch goes off. A success is that of ship: before that nothing is in a
/// vault, and neither collect's nor that of a prune must hold back the alarm.
package struct PingChannel: NoticeChannel {
    package let name: String
    private let client: HTTPClient
    private let url: String

    package init(name: String, client: HTTPClient, url: String) {
        self.name = name
        self.client = client
        self.url = url
    }

    /// The stage at whose end a run is safe.
    private static let last = "ship"

    package func send(_ notice: Notice) throws(Fault) {
        if notice.event == .success, notice.stage != Self.last { return }
        var request = try HTTPRequest(.post, secretURL: url)
        while request.path.hasSuffix("/") { request.path.removeLast() }
        switch notice.event {
        case .success: break
        case .start: request.path += "/start"
        case .partial, .failure, .missing: request.path += "/fail"
        }
        if request.path.isEmpty { request.path = "/" }
        if notice.event != .start {
            // What is posted stands in the switch's log.
            request.headers["Content-Type"] = "text/plain; charset=utf-8"
            request.body = .bytes(Array(NoticeText(notice, bytes: Figure.bytes).body.utf8.prefix(10_000)))
        }
        try client.deliver(request)
    }
}
