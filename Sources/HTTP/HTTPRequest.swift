/// A request, kept in parts so that a signature can be computed over exactly what is sent.
package struct HTTPRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    package enum Scheme: String, Sendable { case http, https }

    /// A name and a value as they are meant, before any encoding.
    package struct QueryItem: Sendable, Equatable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String = "") {
            self.name = name
            self.value = value
        }
    }

    package var method: Method
    package var scheme: Scheme
    /// A name or an address; IPv6 in brackets.
    package var host: String
    /// Nothing for the scheme's own.
    package var port: Int?
    /// Percent-encoded, and sent as it is: no `..` in it is resolved.
    package var path: String
    package var query: [QueryItem]
    /// A query that is sent in place of ``query``, as it is encoded; not for requests that are signed.
    package var rawQuery: String?
    package var headers: HTTPHeaders
    package var body: HTTPBody
    /// How many seconds may pass without a byte, where the server is known to think longer than the client's settings
    /// allow.
    package var patience: Int?

    package init(
        _ method: Method, scheme: Scheme = .https, host: String, port: Int? = nil, path: String = "/",
        query: [QueryItem] = [], headers: HTTPHeaders = HTTPHeaders(), body: HTTPBody = .none
    ) {
        self.method = method
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The value of the `Host` field: with the port where it isn't the scheme's own.
    package var authority: String {
        guard let port, port != (scheme == .https ? 443 : 80) else { return host }
        return "\(host):\(port)"
    }

    /// The query as it is sent, without the question mark.
    var encodedQuery: String {
        rawQuery
            ?? query.map { PercentEncoding.encode($0.name) + "=" + PercentEncoding.encode($0.value) }.joined(
                separator: "&")
    }

    package var url: String {
        "\(scheme.rawValue)://\(authority)\(path)"
            + (query.isEmpty && rawQuery == nil ? "" : "?" + encodedQuery)
    }
}
