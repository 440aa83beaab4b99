import HTTP
import Platform

/// The URL of a service that gives credentials, taken apart.
struct ServiceAddress: Sendable, Equatable {
    let scheme: HTTPRequest.Scheme
    /// A name or an address; IPv6 in brackets.
    let host: String
    let port: Int?
    /// Percent-encoded, with a slash in front, with the query.
    let path: String

    /// Reads `http://HOST[:PORT][/PATH]`; nothing for anything else, such as a user or a fragment in it.
    init?(_ url: String) {
        let scheme: HTTPRequest.Scheme
        let rest: Substring
        if url.hasPrefix("http://") {
            (scheme, rest) = (.http, url.dropFirst(7))
        } else if url.hasPrefix("https://") {
            (scheme, rest) = (.https, url.dropFirst(8))
        } else {
            return nil
        }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !url.contains("#") else { return nil }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let tail = rest.dropFirst(authority.count)
        var host = authority
        var port: Int?
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            let digits = authority[authority.index(after: colon)...]
            guard let number = Int(digits), digits.allSatisfy(\.isNumber), (1...65_535).contains(number) else {
                return nil
            }
            port = number
            host = authority[..<colon]
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard !host.isEmpty, !host.contains("@"), isBracketed || !host.contains(where: { "[]:".contains($0) }) else {
            return nil
        }
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port
        path = tail.hasPrefix("/") ? String(tail) : "/" + tail
    }

    /// Whether the host is this machine itself: `localhost`, 127.0.0.0/8 or ::1.
    var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
    }

    var origin: String { "\(scheme.rawValue)://\(host)\(port.map { ":\($0)" } ?? "")" }

    func request(_ method: HTTPRequest.Method, path: String? = nil, headers: HTTPHeaders = HTTPHeaders()) -> HTTPRequest
    {
        HTTPRequest(method, scheme: scheme, host: host, port: port, path: path ?? self.path, headers: headers)
    }
}
