extension HTTPRequest {
    /// A request to `http://` or `https://HOST[:PORT][/PATH][?QUERY]`, or nothing where the text is no such URL
    /// (RFC 3986).
    ///
    /// Path and query are taken as they are encoded.
    package init?(_ method: Method, url text: String) {
        guard let colon = text.firstRange(of: "://"),
            let scheme = Scheme(rawValue: text[..<colon.lowerBound].lowercased()),
            text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F })
        else { return nil }
        let rest = text[colon.upperBound...].prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        var host = authority
        var port: Int?
        if let mark = authority.lastIndex(of: ":"), !authority[mark...].contains("]") {
            guard let number = Int(authority[authority.index(after: mark)...]), (1...65_535).contains(number) else {
                return nil
            }
            (host, port) = (authority[..<mark], number)
        }
        guard !host.isEmpty else { return nil }
        let target = rest[authority.endIndex...]
        let path = target.prefix { $0 != "?" }
        let query = target[path.endIndex...].dropFirst()
        self.init(method, scheme: scheme, host: String(host), port: port, path: path.isEmpty ? "/" : String(path))
        self.query = query.split(separator: "&").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return QueryItem(Self.decoded(parts[0]), parts.count > 1 ? Self.decoded(parts[1]) : "")
        }
    }

    private static func decoded(_ text: Substring) -> String {
        PercentEncoding.decode(String(text)).map { String(decoding: $0, as: UTF8.self) } ?? String(text)
    }
}
