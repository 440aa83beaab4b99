import HTTP
import Platform

extension HTTPClient {
    /// Sends a notice's request; any 2xx is a success.
    ///
    /// - Throws: `unreachable` with host, status and the beginning of the answer; the rest of the address is a secret, also
    ///   where the answer repeats it.
    func deliver(_ request: HTTPRequest) throws(Fault) {
        let response = try send(request)
        guard !response.isSuccess else { return }
        // Masked before it is cut, or a part of the secret would stay at its end.
        let answer = request.maskingSecrets(in: String(decoding: response.body, as: UTF8.self))
        let words = answer.prefix(200).split(whereSeparator: \.isNewline).joined(separator: " ")
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

    /// Shorter parts of a path are words that every server says.
    private static let shortestSecret = 8

    /// A text with "..." in place of what it repeats of this request's path, query and token, encoded or not.
    func maskingSecrets(in text: String) -> String {
        var secrets: Set<String> = [path]
        if let rawQuery { secrets.insert(rawQuery) }
        secrets.formUnion(path.split(separator: "/").map(String.init).filter { $0.utf8.count >= Self.shortestSecret })
        for pair in (rawQuery ?? "").split(separator: "&") {
            secrets.insert(String(pair.split(separator: "=", maxSplits: 1).last ?? ""))
        }
        secrets.formUnion(query.map(\.value))
        if let token = headers["Authorization"]?.split(separator: " ").last { secrets.insert(String(token)) }
        for secret in secrets {
            if let bytes = PercentEncoding.decode(secret) { secrets.insert(String(decoding: bytes, as: UTF8.self)) }
            secrets.insert(PercentEncoding.encode(secret))
            secrets.insert(PercentEncoding.encode(secret, keepingSlash: true))
        }
        var masked = text
        // The longest first: what is left of it tells nothing then.
        for secret in secrets.sorted(by: { ($1.utf8.count, $1) < ($0.utf8.count, $0) }) where secret.utf8.count > 1 {
            masked = masked.replacing(secret, with: "...")
        }
        return masked
    }
}
