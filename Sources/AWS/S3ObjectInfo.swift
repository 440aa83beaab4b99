import HTTP
package import Platform

/// What HEAD and GET say of an object.
package struct S3ObjectInfo: Sendable, Equatable {
    package var size: Int64
    package var modified: Timestamp?
    /// Without quotes; no digest where it has a dash or the object is encrypted.
    package var etag: String
    package var version: String?
    /// `STANDARD` where the service says nothing, as the API has it.
    package var storageClass: String
    /// `x-amz-checksum-sha256` as it is: Base64, with `-N` where it is one of N parts' digests.
    package var checksumSHA256: String?
    /// User metadata; names in lower case without `x-amz-meta-`.
    package var metadata: [String: String]
    /// Whether there is user metadata that a header can't tell.
    package var lacksMetadata: Bool
    /// What a reader is told of the content, by the names in ``contentHeaders``.
    package var content: [String: String]
    package var lockMode: String?
    package var lockUntil: String?
    /// `x-amz-object-lock-legal-hold`, as far as it may be seen.
    package var isHeld: Bool
    package var tagCount: Int
    /// `x-amz-restore`.
    package var restore: String?
    /// `x-amz-archive-status`: the archive tier of Intelligent-Tiering that the object has sunk into.
    package var archiveStatus: String?
    package var encryption: String?

    /// The system metadata that its owner sets (S3 user guide, object metadata).
    package static let contentHeaders = [
        "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires",
    ]

    init(_ response: HTTPResponse) {
        let headers = response.headers
        size = headers["Content-Length"].flatMap { Int64($0) } ?? 0
        modified = headers["Last-Modified"].flatMap { HTTPDate.parse($0) }
        etag = Self.unquoted(headers["ETag"] ?? "")
        version = headers["x-amz-version-id"]
        storageClass = headers["x-amz-storage-class"] ?? "STANDARD"
        checksumSHA256 = headers["x-amz-checksum-sha256"]
        lockMode = headers["x-amz-object-lock-mode"]
        lockUntil = headers["x-amz-object-lock-retain-until-date"]
        isHeld = headers["x-amz-object-lock-legal-hold"] == "ON"
        tagCount = headers["x-amz-tagging-count"].flatMap { Int($0) } ?? 0
        restore = headers["x-amz-restore"]
        archiveStatus = headers["x-amz-archive-status"]
        encryption = headers["x-amz-server-side-encryption"]
        lacksMetadata = headers["x-amz-missing-meta"].flatMap { Int($0) } ?? 0 > 0
        content = [:]
        for name in Self.contentHeaders { content[name] = headers[name] }
        metadata = [:]
        for field in headers.fields {
            let name = field.name.lowercased()
            if name.hasPrefix("x-amz-meta-") { metadata[String(name.dropFirst("x-amz-meta-".count))] = field.value }
        }
    }

    static func unquoted(_ etag: String) -> String {
        etag.count >= 2 && etag.hasPrefix("\"") && etag.hasSuffix("\"") ? String(etag.dropFirst().dropLast()) : etag
    }
}
