package import Codec
import Crypto
package import HTTP
package import Platform

/// One request to a bucket before it has an address and a signature.
package struct S3Call: Sendable {
    package var method: HTTPRequest.Method
    /// An object in the bucket, or nothing for the bucket itself.
    package var key: ByteString?
    package var query: [HTTPRequest.QueryItem]
    package var headers: HTTPHeaders
    package var body: HTTPBody
    /// The digest of the body, which is always signed: the service refuses bytes that differ.
    package var payload: Digest256
    /// Seconds without a byte that are normal for this operation.
    package var patience: Int?
    /// Names of the root of the document that a success is; none where its body is no document.
    ///
    /// There are two where servers go by the service's reference, or make their words from its model (`...Response`).
    /// Status 200 alone says little: the service may write an error behind it, and what stands between may answer with a
    /// page of its own.
    package var roots: Set<String>
    /// Whether the document of a success may be left out.
    var mayLackDocument = false
    /// Whether the body was made for the call, so that a digest that is refused means that it was changed on the way.
    private(set) var hasOwnBody = false

    package init(
        _ method: HTTPRequest.Method, _ key: ByteString? = nil, query: [HTTPRequest.QueryItem] = [],
        headers: HTTPHeaders = HTTPHeaders(), roots: Set<String> = []
    ) {
        self.method = method
        self.key = key
        self.query = query
        self.headers = headers
        self.roots = roots
        body = .none
        payload = Self.emptyDigest
    }

    private static let emptyDigest = SHA256Hasher.digest(of: [])

    /// Gives the call a small body.
    package mutating func setBody(_ bytes: [UInt8]) {
        body = .bytes(bytes)
        payload = SHA256Hasher.digest(of: bytes)
        hasOwnBody = true
    }

    /// Gives the call an XML document with the MD5 that some operations and servers insist on.
    mutating func setDocument(_ document: XMLElement) {
        let bytes = document.document()
        setBody(bytes)
        headers["Content-Type"] = "application/xml"
        setContentMD5(bytes)
    }

    /// `Content-MD5`, which every server knows as a checksum of small bodies.
    mutating func setContentMD5(_ bytes: [UInt8]) {
        headers["Content-MD5"] = Base64.encode(Array(Insecure.MD5.hash(data: bytes)))
    }
}
