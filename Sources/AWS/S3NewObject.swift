import HTTP
package import Platform

/// What a new object gets besides its bytes.
package struct S3NewObject: Sendable, Equatable {
    /// `x-amz-server-side-encryption`.
    package struct Encryption: Sendable, Hashable {
        /// `AES256`, `aws:kms` or `aws:kms:dsse`.
        package var algorithm: String
        package var key: String?

        package init(algorithm: String, key: String? = nil) {
            self.algorithm = algorithm
            self.key = key
        }
    }

    /// Object Lock of one version.
    package struct Lock: Sendable, Hashable {
        /// `GOVERNANCE` or `COMPLIANCE`.
        package var mode: String
        package var until: Timestamp

        package init(mode: String, until: Timestamp) {
            self.mode = mode
            self.until = until
        }
    }

    package var contentType: String?
    /// What else a reader is told of the content, as ``S3ObjectInfo/content`` has it.
    package var content: [String: String] = [:]
    /// Empty for the bucket's default.
    package var storageClass = ""
    package var encryption: Encryption?
    package var lock: Lock?
    /// User metadata; names in lower case without `x-amz-meta-`.
    package var metadata: [String: String] = [:]
    package var tags: [String: String] = [:]
    /// Refused with 412 when the key is taken (`If-None-Match: *`).
    package var isExclusive = false

    package init() {}

    /// The headers of PutObject, CreateMultipartUpload and CopyObject.
    func headers() -> HTTPHeaders {
        var headers = HTTPHeaders()
        for (name, value) in content.sorted(by: { $0.key < $1.key }) { headers[name] = value }
        if let contentType { headers["Content-Type"] = contentType }
        if !storageClass.isEmpty { headers["x-amz-storage-class"] = storageClass }
        if let encryption {
            headers["x-amz-server-side-encryption"] = encryption.algorithm
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = encryption.key
        }
        if let lock {
            headers["x-amz-object-lock-mode"] = lock.mode
            headers["x-amz-object-lock-retain-until-date"] = lock.until.rfc3339
        }
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) { headers["x-amz-meta-\(name)"] = value }
        if !tags.isEmpty {
            headers["x-amz-tagging"] = tags.sorted { $0.key < $1.key }
                .map { PercentEncoding.encode($0.key) + "=" + PercentEncoding.encode($0.value) }
                .joined(separator: "&")
        }
        return headers
    }
}
