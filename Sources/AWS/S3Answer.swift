package import HTTP

/// A success.
package struct S3Answer: Sendable {
    /// Status and headers, and the body unless it was a document or somebody took it.
    package let response: HTTPResponse
    /// The document where the call names its root, otherwise an empty element.
    package let document: XMLElement
}
