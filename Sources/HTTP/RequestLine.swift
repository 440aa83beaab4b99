/// A request as a log may show it: method, address and headers, with everything masked that opens doors.
struct RequestLine: CustomStringConvertible {
    private let request: HTTPRequest

    init(_ request: HTTPRequest) { self.request = request }

    private static let secretHeaders: Set<String> = [
        "authorization", "proxy-authorization", "cookie", "x-amz-security-token", "x-aws-ec2-metadata-token",
        "x-amz-server-side-encryption-customer-key", "x-amz-copy-source-server-side-encryption-customer-key",
    ]
    private static let secretQuery: Set<String> = [
        "x-amz-signature", "x-amz-credential", "x-amz-security-token", "webidentitytoken",
    ]
    private static let mask = "***"

    var description: String {
        var shown = request
        for (index, item) in request.query.enumerated() where Self.secretQuery.contains(item.name.lowercased()) {
            shown.query[index].value = Self.mask
        }
        // Nobody knows what it means.
        if request.rawQuery != nil { shown.rawQuery = Self.mask }
        let headers = request.headers.fields.map { field in
            "\(field.name): \(Self.secretHeaders.contains(field.name.lowercased()) ? Self.mask : field.value)"
        }
        return "\(request.method.rawValue) \(shown.url) [\(headers.joined(separator: ", "))]"
    }
}
