package import Codec
package import HTTP
package import Platform

extension S3Client {
    /// One uploaded part, as Complete names it and ListParts tells it.
    package struct Part: Sendable, Equatable {
        /// From 1.
        package var number: Int
        package var etag: String
        /// Base64.
        package var checksumSHA256: String?
        package var size: Int64

        package init(number: Int, etag: String, checksumSHA256: String? = nil, size: Int64 = 0) {
            self.number = number
            self.etag = etag
            self.checksumSHA256 = checksumSHA256
            self.size = size
        }
    }

    /// An upload that was begun and neither completed nor aborted.
    package struct Upload: Sendable, Equatable {
        package var key: ByteString
        package var id: String
        package var initiated: Timestamp?
        package var storageClass: String
        /// Who began it: the ARN of a user or of a role's session at AWS, the name of a user elsewhere.
        package var initiator: String?
    }

    /// CreateMultipartUpload.
    ///
    /// - Parameters:
    ///   - key: where to.
    ///   - object: what the object gets besides.
    ///   - sendsChecksums: whether the service is to keep SHA-256 of every part, and of them all together.
    /// - Returns: the upload's id, and whether an attempt whose answer was lost may have begun another upload.
    /// - Throws: the service's error.
    package func beginUpload(_ key: ByteString, _ object: S3NewObject, sendsChecksums: Bool) throws(Fault)
        -> (id: String, mayHaveTwin: Bool)
    {
        // Without the whole answer nobody knows the upload.
        var call = S3Call(
            .post, key, query: [.init("uploads")], headers: object.headers(), roots: ["InitiateMultipartUploadResult"])
        if sendsChecksums {
            call.headers["x-amz-checksum-algorithm"] = "SHA256"
            call.headers["x-amz-checksum-type"] = "COMPOSITE"
        }
        var attempts = 0
        let outcome = try attempt({ () throws(Fault) in
            attempts += 1
            return (call, nil)
        })
        switch outcome {
        case .success(let answer):
            guard let id = answer.document.text("UploadId") else {
                throw Fault(.damaged, "\(name(key)): the answer names no upload")
            }
            return (id, attempts > 1)
        case .failure(let error): throw error.fault(name(key))
        }
    }

    /// As ``beginUpload(_:_:sendsChecksums:)``, for the id alone.
    package func createUpload(_ key: ByteString, _ object: S3NewObject, sendsChecksums: Bool) throws(Fault) -> String {
        try beginUpload(key, object, sendsChecksums: sendsChecksums).id
    }

    /// Aborts the uploads of exactly this key that began at `time` or later.
    ///
    /// - Parameters:
    ///   - key: one that nobody else writes.
    ///   - kept: the id of an upload that is left alone.
    ///   - time: the earliest beginning; nothing for any.
    /// - Throws: the service's error; what was found before it is aborted or not.
    package func abortUploads(of key: ByteString, but kept: String? = nil, since time: Timestamp? = nil) throws(Fault) {
        var found: [String] = []
        try uploads(prefix: key) { upload in
            let isYoung = time.map { time in upload.initiated.map { $0 >= time } ?? false } ?? true
            if upload.key == key, upload.id != kept, isYoung { found.append(upload.id) }
        }
        for id in found { try abortUpload(key, upload: id) }
    }

    /// UploadPart.
    ///
    /// - Returns: the part, or the service's error: who knows the bytes decides what a refused digest means.
    package func uploadPart(
        _ key: ByteString, upload: String, number: Int, _ body: HTTPBody, digest: Digest256, sendsChecksum: Bool
    ) throws(Fault) -> Result<Part, S3Error> {
        var call = S3Call(.put, key, query: Self.part(number, of: upload))
        (call.body, call.payload) = (body, digest)
        let checksum = Base64.encode(digest.bytes)
        if sendsChecksum { call.headers["x-amz-checksum-sha256"] = checksum }
        return try attempt(call).map { answer in
            Part(
                number: number, etag: Self.written(answer).etag, checksumSHA256: sendsChecksum ? checksum : nil,
                size: body.size)
        }
    }

    /// ListParts, all pages.
    ///
    /// - Returns: nothing when the service doesn't know the upload: it was completed or aborted.
    package func parts(_ key: ByteString, upload: String) throws(Fault) -> [Part]? {
        var parts: [Part] = []
        var marker = 0
        while true {
            var query = [HTTPRequest.QueryItem("uploadId", upload)]
            if marker > 0 { query.append(.init("part-number-marker", "\(marker)")) }
            let root: XMLElement
            switch try attempt(S3Call(.get, key, query: query, roots: ["ListPartsResult", "ListPartsResponse"])) {
            case .success(let answer): root = answer.document
            case .failure(let error) where error.isUploadGone: return nil
            case .failure(let error): throw error.fault(name(key))
            }
            for part in root.all("Part") {
                guard let number = part.text("PartNumber").flatMap({ Int($0) }) else { continue }
                parts.append(
                    Part(
                        number: number, etag: S3ObjectInfo.unquoted(part.text("ETag") ?? ""),
                        checksumSHA256: part.text("ChecksumSHA256"),
                        size: part.text("Size").flatMap { Int64($0) } ?? 0))
            }
            guard let next = try nextPart(root, after: marker, of: key) else { return parts }
            marker = next
        }
    }

    /// CompleteMultipartUpload.
    ///
    /// - Parameters:
    ///   - key: where to.
    ///   - upload: its id.
    ///   - parts: all of them, in order.
    ///   - size: the whole, which the service compares.
    ///   - sendsChecksums: whether the parts' checksums are named; some servers refuse them here.
    ///   - isExclusive: refused with 412 when the key is taken.
    /// - Returns: what was written, or the service's error: `NoSuchUpload` may mean that an earlier attempt succeeded.
    /// - Throws: what transport throws.
    package func completeUpload(
        _ key: ByteString, upload: String, _ parts: [Part], size: Int64, sendsChecksums: Bool, isExclusive: Bool
    ) throws(Fault) -> Result<Written, S3Error> {
        var call = S3Call(.post, key, query: [.init("uploadId", upload)])
        let list = parts.map { part in
            var children = [XMLElement("ETag", "\"\(part.etag)\""), XMLElement("PartNumber", "\(part.number)")]
            if sendsChecksums, let checksum = part.checksumSHA256 {
                children.insert(XMLElement("ChecksumSHA256", checksum), at: 0)
            }
            return XMLElement("Part", "", children)
        }
        call.roots = ["CompleteMultipartUploadResult", "CompleteMultipartUploadResponse"]
        call.setBody(XMLElement("CompleteMultipartUpload", "", list).document())
        call.headers["Content-Type"] = "application/xml"
        call.headers["x-amz-mp-object-size"] = "\(size)"
        if sendsChecksums { call.headers["x-amz-checksum-type"] = "COMPOSITE" }
        if isExclusive { call.headers["If-None-Match"] = "*" }
        call.patience = Self.longPatience
        return try attempt(call).map(Self.copied)
    }

    /// AbortMultipartUpload; an upload that is gone already is no error.
    package func abortUpload(_ key: ByteString, upload: String) throws(Fault) {
        let call = S3Call(.delete, key, query: [.init("uploadId", upload)])
        switch try attempt(call) {
        case .success: return
        case .failure(let error) where error.status == 404: return
        case .failure(let error): throw error.fault(name(key))
        }
    }

    /// ListMultipartUploads, all pages.
    package func uploads(prefix: ByteString, _ each: (Upload) throws(Fault) -> Void) throws(Fault) {
        var (keyMarker, idMarker): (String?, String?) = (nil, nil)
        while true {
            var query: [HTTPRequest.QueryItem] = [
                .init("uploads"), .init("encoding-type", "url"), .init("prefix", Self.text(prefix)),
            ]
            if let keyMarker { query.append(.init("key-marker", keyMarker)) }
            if let idMarker { query.append(.init("upload-id-marker", idMarker)) }
            let root = try perform(S3Call(.get, query: query, roots: ["ListMultipartUploadsResult"])).document
            var last: (key: String, id: String)?
            for upload in root.all("Upload") {
                guard let id = upload.text("UploadId") else { continue }
                let key = try listedKey(upload.text("Key") ?? "", root)
                last = (Self.text(key), id)
                try each(
                    Upload(
                        key: key, id: id, initiated: upload.text("Initiated").flatMap { Timestamp(iso8601: $0) },
                        storageClass: upload.text("StorageClass") ?? "STANDARD",
                        initiator: upload["Initiator"]?.text("ID")))
            }
            guard root.text("IsTruncated") == "true" else { return }
            // Not NextKeyMarker: Ceph encodes it unlike the keys.
            guard let last, last.key != keyMarker || last.id != idMarker else {
                throw Fault(.damaged, "\(name()): the list of uploads does not go on")
            }
            (keyMarker, idMarker) = (last.key, last.id)
        }
    }

    /// The marker of the next page of a list of parts, or nothing after the last page.
    ///
    /// - Throws: `damaged` for a list that does not go on.
    func nextPart(_ list: XMLElement, after marker: Int, of key: ByteString) throws(Fault) -> Int? {
        guard list.text("IsTruncated") == "true" else { return nil }
        guard let next = list.text("NextPartNumberMarker").flatMap({ Int($0) }), next > marker else {
            throw Fault(.damaged, "\(name(key)): the list of parts does not go on")
        }
        return next
    }

    static func part(_ number: Int, of upload: String) -> [HTTPRequest.QueryItem] {
        [.init("partNumber", "\(number)"), .init("uploadId", upload)]
    }
}
