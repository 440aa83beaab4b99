/// A URL `http://` or `https://HOST[:PORT][/PATH][?QUERY]` (RFC 3986), taken apart.
package struct HTTPAddress: Sendable, Equatable {
    package let scheme: HTTPRequest.Scheme
    /// A name or an address, in lower case; IPv6 in brackets.
    package let host: String
    /// Nothing for the scheme's own.
    package let port: Int?
    /// As it is encoded, with a slash in front.
    package let path: String
    /// As it is encoded, without the question mark; nothing where there is none.
    package let query: String?

    /// Reads such a URL; nothing for anything else, such as one with a user or a fragment.
    package init?(_ text: String) {
        guard let mark = text.firstRange(of: "://"),
            let scheme = HTTPRequest.Scheme(rawValue: text[..<mark.lowerBound].lowercased()),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") })
        else { return nil }
        let rest = text[mark.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        var host = authority
        var port: Int?
        // A colon inside of brackets is one of an IPv6 address.
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            let digits = authority[authority.index(after: colon)...]
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits),
                (1...65_535).contains(number)
            else { return nil }
            (host, port) = (authority[..<colon], number)
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let name = isBracketed ? host.dropFirst().dropLast() : host
        guard !name.isEmpty, name.utf8.allSatisfy({ Self.isNamePart($0) || isBracketed && $0 == UInt8(ascii: ":") })
        else { return nil }
        let target = rest[authority.endIndex...]
        let path = target.prefix { $0 != "?" }
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port
        self.path = path.isEmpty ? "/" : String(path)
        query = path.endIndex == target.endIndex ? nil : String(target[path.endIndex...].dropFirst())
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// Whether the host is this machine itself: `localhost`, 127.0.0.0/8 or ::1.
    package var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
    }

    package var origin: String { "\(scheme.rawValue)://\(host)\(port.map { ":\($0)" } ?? "")" }

    /// A request to this address, or to another path at the same origin.
    package func request(
        _ method: HTTPRequest.Method, path other: String? = nil, headers: HTTPHeaders = HTTPHeaders()
    ) -> HTTPRequest {
        var request = HTTPRequest(method, scheme: scheme, host: host, port: port, path: other ?? path, headers: headers)
        if other == nil { request.rawQuery = query }
        return request
    }
}
