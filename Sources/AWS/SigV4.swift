package import Codec
import Crypto
package import HTTP
package import Platform

/// Signature Version 4 in the `Authorization` header ("Signature Version 4 signing process", IAM user guide).
///
/// The path is signed as it is sent, percent-encoded once, which is S3's rule; the other services that are called here
/// have the path `/`, for which all rules are one.
package struct SigV4: Sendable {
    package let region: String
    package let service: String

    package init(region: String, service: String) {
        self.region = region
        self.service = service
    }

    private static let algorithm = "AWS4-HMAC-SHA256"

    /// Adds date, token, payload digest (S3 wants it as a header) and signature.
    ///
    /// Called just before sending, since a signature is accepted for 15 minutes.
    ///
    /// - Parameters:
    ///   - request: everything in it but what a proxy may change is signed; it must not be changed after.
    ///   - payload: the digest of the body.
    ///   - credentials: whose request it is.
    ///   - now: the service's time.
    package func sign(
        _ request: inout HTTPRequest, payload: Digest256, with credentials: Credentials, at now: Timestamp
    ) {
        let date = Self.basicDate(now)
        request.headers["Host"] = request.authority
        request.headers["X-Amz-Date"] = date
        request.headers["X-Amz-Security-Token"] = credentials.sessionToken?.value
        if service == "s3" { request.headers["x-amz-content-sha256"] = payload.description }

        let canonical = canonicalRequest(request, payload: payload)
        let scope = "\(date.prefix(8))/\(region)/\(service)/aws4_request"
        let text = "\(Self.algorithm)\n\(date)\n\(scope)\n\(SHA256Hasher.digest(of: Array(canonical.text.utf8)))"
        let signature = Self.hex(Self.hmac(key(credentials, day: String(date.prefix(8))), text))
        request.headers["Authorization"] =
            "\(Self.algorithm) Credential=\(credentials.accessKey)/\(scope), "
            + "SignedHeaders=\(canonical.signedHeaders), Signature=\(signature)"
    }

    /// The canonical request and the names of the headers in it.
    func canonicalRequest(_ request: HTTPRequest, payload: Digest256) -> (text: String, signedHeaders: String) {
        var values: [String: [String]] = [:]
        for field in request.headers.fields where !Self.unsigned.contains(field.name.lowercased()) {
            values[field.name.lowercased(), default: []].append(Self.collapsed(field.value))
        }
        let names = values.keys.sorted()
        let headers = names.map { "\($0):\(values[$0, default: []].joined(separator: ","))\n" }.joined()
        // Sorted by the encoded name, and by the encoded value where names are the same.
        let query = request.query
            .map { (Array(PercentEncoding.encode($0.name).utf8), Array(PercentEncoding.encode($0.value).utf8)) }
            .sorted { $0.0 == $1.0 ? $0.1.lexicographicallyPrecedes($1.1) : $0.0.lexicographicallyPrecedes($1.0) }
            .map { String(decoding: $0.0 + [UInt8(ascii: "=")] + $0.1, as: UTF8.self) }
            .joined(separator: "&")
        let signedHeaders = names.joined(separator: ";")
        let text =
            "\(request.method.rawValue)\n\(request.path)\n\(query)\n\(headers)\n\(signedHeaders)\n\(payload)"
        return (text, signedHeaders)
    }

    /// Fields that are left out because proxies and libcurl may change them.
    private static let unsigned: Set<String> = ["authorization", "user-agent", "expect", "accept", "content-length"]

    /// `20150830T123600Z`.
    static func basicDate(_ moment: Timestamp) -> String {
        String(moment.rfc3339.filter { $0 != "-" && $0 != ":" })
    }

    /// Without spaces at the ends, and with one where there are several.
    private static func collapsed(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    private func key(_ credentials: Credentials, day: String) -> [UInt8] {
        var key = Array("AWS4\(credentials.secretKey.value)".utf8)
        for step in [day, region, service, "aws4_request"] { key = Self.hmac(key, step) }
        return key
    }

    private static func hmac(_ key: [UInt8], _ text: String) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
    }

    private static func hex(_ bytes: [UInt8]) -> String { Digest256(bytes: bytes)?.description ?? "" }
}
