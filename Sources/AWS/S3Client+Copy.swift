import HTTP
package import Platform

extension S3Client {
    /// An object of a bucket, as a copy names it.
    package struct CopySource: Sendable, Equatable {
        package var bucket: String
        package var key: ByteString
        package var version: String?
        /// What the object must still be; nothing for whatever it is.
        package var etag: String?

        package init(_ bucket: String, _ key: ByteString, version: String? = nil, etag: String? = nil) {
            self.bucket = bucket
            self.key = key
            self.version = version
            self.etag = etag
        }

        fileprivate func set(_ headers: inout HTTPHeaders) {
            headers["x-amz-copy-source"] = S3Client.copySource(bucket, key, version)
            if let etag { headers["x-amz-copy-source-if-match"] = "\"\(etag)\"" }
        }
    }

    /// CopyObject, for objects of up to 5 GB.
    ///
    /// Tags are those of `object`, not those of the source, so that a tag that marks the source for deletion does not come
    /// along.
    ///
    /// - Parameters:
    ///   - source: the object, which the credentials of this client must be allowed to read.
    ///   - key: where to.
    ///   - object: what the copy gets besides its bytes.
    ///   - keepsMetadata: true to take the source's metadata over as it is, and leave that of `object` out.
    /// - Returns: what was written, or the service's error, which may be one of the source: 404, 403
    ///   `InvalidObjectState`, 412.
    /// - Throws: what transport throws.
    package func copy(
        _ source: CopySource, to key: ByteString, _ object: S3NewObject, keepsMetadata: Bool = false
    ) throws(Fault) -> Result<Written, S3Error> {
        var plain = object
        if keepsMetadata { (plain.metadata, plain.content, plain.contentType) = ([:], [:], nil) }
        var call = S3Call(.put, key, headers: plain.headers(), roots: ["CopyObjectResult"])
        source.set(&call.headers)
        call.headers["x-amz-metadata-directive"] = keepsMetadata ? "COPY" : "REPLACE"
        call.headers["x-amz-tagging-directive"] = "REPLACE"
        if object.isExclusive { call.headers["If-None-Match"] = "*" }
        call.patience = Self.longPatience
        switch try attempt(call) {
        case .success(let answer): return .success(Self.copied(answer))
        case .failure(let error): return .failure(error)
        }
    }

    /// UploadPartCopy of a range of another object.
    ///
    /// - Returns: the part, or the service's error, as of ``copy(_:to:_:keepsMetadata:)``.
    package func uploadPartCopy(
        _ key: ByteString, upload: String, number: Int, from source: CopySource, range: Range<Int64>
    ) throws(Fault) -> Result<Part, S3Error> {
        var call = S3Call(.put, key, query: Self.part(number, of: upload), roots: ["CopyPartResult"])
        source.set(&call.headers)
        call.headers["x-amz-copy-source-range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
        call.patience = Self.longPatience
        switch try attempt(call) {
        case .success(let answer):
            let written = Self.copied(answer)
            return .success(
                Part(
                    number: number, etag: written.etag, checksumSHA256: written.checksumSHA256,
                    size: range.upperBound - range.lowerBound))
        case .failure(let error): return .failure(error)
        }
    }
}
