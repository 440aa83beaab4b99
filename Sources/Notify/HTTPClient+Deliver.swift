import HTTP
import Platform

extension HTTPClient {
    /// Sends a notice's request; any 2xx is a success.
    ///
    /// - Throws: `unreachable` with host, status and the beginning of the answer; the rest of the address is a secret.
    func deliver(_ request: HTTPRequest) throws(Fault) {
        let response = try send(request)
        guard !response.isSuccess else { return }
        let words = String(decoding: response.body.prefix(200), as: UTF8.self)
            .split(whereSeparator: \.isNewline).joined(separator: " ")
        let retry: Fault.Retry =
            switch response.status {
            case 429: .throttle
            case 408, 500...599: .temporary
            default: .permanent
            }
        throw Fault(
            .unreachable, "\(request.authority): status \(response.status)" + (words.isEmpty ? "" : ": \(words)"),
            retry: retry, retryAfter: response.retryAfter)
    }
}

extension HTTPRequest {
    /// A request to an address of the settings that is a secret itself.
    ///
    /// - Throws: `settings` without the address.
    init(_ method: Method, secretURL text: String) throws(Fault) {
        guard let request = HTTPRequest(method, url: text) else {
            throw Fault(.settings, "the address is no URL", hint: "Write https://HOST/PATH into the secret's place.")
        }
        self = request
    }
}
