import FoundationEssentials
package import HTTP
package import Platform

/// Posts a notice to an address: all of it as JSON, or as the text that Slack and its like take.
package struct WebhookChannel: NoticeChannel {
    package enum Form: Sendable {
        /// The whole notice.
        case notice
        /// `{"text": "..."}`.
        case text
    }

    package let name: String
    private let client: HTTPClient
    private let url: String
    private let token: String?
    private let form: Form

    /// A channel.
    ///
    /// - Parameters:
    ///   - name: the name in the settings.
    ///   - client: what sends.
    ///   - url: the address; a secret, which no message tells.
    ///   - token: goes into `Authorization: Bearer`.
    ///   - form: what is posted.
    package init(name: String, client: HTTPClient, url: String, token: String? = nil, form: Form) {
        self.name = name
        self.client = client
        self.url = url
        self.token = token
        self.form = form
    }

    package func send(_ notice: Notice) throws(Fault) {
        var request = try HTTPRequest(.post, secretURL: url)
        request.headers["Content-Type"] = "application/json"
        if let token { request.headers["Authorization"] = "Bearer \(token)" }
        request.body = .bytes(try body(notice))
        try client.deliver(request)
    }

    private func body(_ notice: Notice) throws(Fault) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            switch form {
            case .notice: return Array(try encoder.encode(notice))
            case .text:
                let text = NoticeText(notice, bytes: Figure.bytes)
                // A fixed font, and no mark-up out of what a log line may hold.
                let quoted = text.body.replacing("```", with: "'''")
                return Array(try encoder.encode(["text": "*\(text.subject)*\n```\n\(quoted)```"]))
            }
        } catch { throw .wrapping(error) }
    }
}
