package import Codec
package import HTTP
package import Platform

extension S3Client {
    /// What PutObject and others answer.
    package struct Written: Sendable, Equatable {
        package var etag: String
        package var version: String?
        package var checksumSHA256: String?
    }

    /// HeadObject, with the checksums that the service keeps.
    ///
    /// - Returns: nothing when there is no such object.
    package func head(_ key: ByteString, version: String? = nil) throws(Fault) -> S3ObjectInfo? {
        let call = S3Call(
            .head, key, query: Self.query(version: version), headers: HTTPHeaders([("x-amz-checksum-mode", "ENABLED")]))
        switch try attempt(call) {
        case .success(let answer): return S3ObjectInfo(answer.response)
        case .failure(let error) where error.status == 404: return nil
        case .failure(let error): throw error.fault(name(key))
        }
    }

    /// PutObject.
    ///
    /// - Parameters:
    ///   - key: where to.
    ///   - body: the bytes.
    ///   - digest: their digest, which the service compares with what arrives.
    ///   - object: what the object gets besides.
    ///   - sendsChecksum: whether the service is to keep the digest as `x-amz-checksum-sha256`.
    /// - Returns: what the service says of it, or its error: who knows the bytes decides what a refused digest means.
    /// - Throws: what transport and source throw.
    package func put(
        _ key: ByteString, _ body: HTTPBody, digest: Digest256, _ object: S3NewObject, sendsChecksum: Bool
    ) throws(Fault) -> Result<Written, S3Error> {
        var call = S3Call(.put, key, headers: object.headers())
        (call.body, call.payload) = (body, digest)
        if object.isExclusive { call.headers["If-None-Match"] = "*" }
        if sendsChecksum || object.lock != nil {
            // Object Lock wants a checksum of the body in any case.
            call.headers["x-amz-checksum-sha256"] = Base64.encode(digest.bytes)
        }
        return try attempt(call).map(Self.written)
    }

    /// GetObject of a range, handed on as it arrives.
    ///
    /// A transfer that breaks goes on where it ended, as long as the object is the same.
    ///
    /// - Parameters:
    ///   - key: the object.
    ///   - range: what is wanted of it; not empty.
    ///   - etag: what the object must still be; nothing for whatever it is.
    ///   - version: one version, where the bucket keeps several.
    ///   - take: gets the bytes in order, each once.
    /// - Returns: what the first answer says of the object; its size is that of the whole.
    /// - Throws: `notFound`; `changed` when the object is no longer the one of `etag`; `tryLater` for an object that must
    ///   be restored first; what `take` throws.
    @discardableResult
    package func get(
        _ key: ByteString, _ range: Range<Int64>, etag: String? = nil, version: String? = nil,
        _ take: @escaping (UnsafeRawBufferPointer) throws(Fault) -> Void
    ) throws(Fault) -> S3ObjectInfo {
        let sink = RangeSink(range, etag: etag, name: name(key), take)
        let outcome = try attempt(
            { () throws(Fault) in
                var call = S3Call(.get, key, query: Self.query(version: version))
                call.headers["Range"] = "bytes=\(sink.offset)-\(range.upperBound - 1)"
                if let etag = sink.etag { call.headers["If-Match"] = "\"\(etag)\"" }
                return (call, sink)
            }, progress: { sink.offset })
        switch outcome {
        case .success: break
        case .failure(let error) where error.status == 412:
            throw Fault(.changed, "\(name(key)): has been replaced while it was read")
        case .failure(let error): throw error.fault(name(key))
        }
        guard let info = sink.info, sink.offset == min(range.upperBound, info.size) else {
            throw Fault(.damaged, "\(name(key)): \(sink.offset) of \(range.upperBound) bytes have arrived")
        }
        return info
    }

    /// GetObjectAttributes: what the service computed of an object and its parts.
    package func attributes(_ key: ByteString, version: String? = nil) throws(Fault) -> S3ObjectAttributes {
        var parts: [S3ObjectAttributes.Part] = []
        var marker = 0
        while true {
            var call = S3Call(
                .get, key, query: [.init("attributes")] + Self.query(version: version),
                headers: HTTPHeaders([("x-amz-object-attributes", "ETag,Checksum,ObjectParts,StorageClass,ObjectSize")]
                ),
                roots: ["GetObjectAttributesOutput", "GetObjectAttributesResponse"])
            if marker > 0 { call.headers["x-amz-part-number-marker"] = "\(marker)" }
            let root = try perform(call).document
            let page = S3ObjectAttributes(root)
            parts += page.parts
            guard let list = root["ObjectParts"], let next = try nextPart(list, after: marker, of: key) else {
                var whole = page
                whole.parts = parts
                return whole
            }
            marker = next
        }
    }

    // MARK: Shared

    /// Seconds that Complete and Copy may think: the API says minutes.
    static let longPatience = 900

    static func query(version: String?) -> [HTTPRequest.QueryItem] { version.map { [.init("versionId", $0)] } ?? [] }

    /// `x-amz-copy-source`: the key percent-encoded, the version behind a literal question mark.
    static func copySource(_ bucket: String, _ key: ByteString, _ version: String?) -> String {
        "\(bucket)/\(PercentEncoding.encode(key.bytes, keepingSlash: true))"
            + (version.map { "?versionId=\(PercentEncoding.encode($0))" } ?? "")
    }

    static func written(_ answer: S3Answer) -> Written {
        let headers = answer.response.headers
        return Written(
            etag: S3ObjectInfo.unquoted(headers["ETag"] ?? ""), version: headers["x-amz-version-id"],
            checksumSHA256: headers["x-amz-checksum-sha256"])
    }

    static func copied(_ answer: S3Answer) -> Written {
        Written(
            etag: S3ObjectInfo.unquoted(answer.document.text("ETag") ?? ""),
            version: answer.response.headers["x-amz-version-id"],
            checksumSHA256: answer.document.text("ChecksumSHA256"))
    }
}
