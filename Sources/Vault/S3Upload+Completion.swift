import AWS
import Crypto
import Ledger
import Platform

/// The end of an upload: its parts become an object, which is proved.
extension S3Upload {
    func complete(_ upload: PartsRecord.Upload) throws(Fault) -> Evidence {
        let done = state.with { $0.done }
        let list = (1...parts.digests.count).compactMap { done[$0] }
        guard list.count == parts.digests.count else {
            throw Fault(.interrupted, "\(store.name(key)): \(list.count) of \(parts.digests.count) parts are uploaded")
        }
        // Servers other than AWS may ignore If-None-Match here, as Ceph does, though they don't at PutObject.
        if !client.endpoint.isAWS, try client.head(fullKey) != nil { throw store.taken(key) }
        var outcome = try completed(upload, list, checksums: store.options.sendsChecksums)
        // Ceph 16 keeps no checksums of parts and refuses to be told them.
        if case .failure(let error) = outcome, error.code == "InvalidPart", store.options.sendsChecksums {
            outcome = try completed(upload, list, checksums: false)
        }
        // What the whole is called if it is made of these parts; some servers leave that out of the answer.
        var etags = Set([Self.etag(ofParts: list)].compactMap(\.self))
        switch outcome {
        case .success(let written): if !written.etag.isEmpty { etags.insert(written.etag) }
        case .failure(let error) where error.isUploadGone || error.status == 412:
            // An earlier attempt may have succeeded, and its answer been lost.
            guard let info = try client.head(fullKey) else {
                if error.isUploadGone { try? journal?.end() }
                throw error.fault(store.name(key))
            }
            guard info.metadata[S3Store.markName] == upload.mark else { throw store.taken(key) }
        case .failure(let error): throw error.fault(store.name(key))
        }
        // Servers other than AWS may lose tags and locks of CreateMultipartUpload.
        let evidence = try store.confirm(key, expected, options, etags: etags, mayLack: !client.endpoint.isAWS)
        try journal?.end()
        return evidence
    }

    private func completed(_ upload: PartsRecord.Upload, _ list: [S3Client.Part], checksums: Bool) throws(Fault)
        -> Result<S3Client.Written, S3Error>
    {
        try client.completeUpload(
            fullKey, upload: upload.id, list, size: expected.size, sendsChecksums: checksums, isExclusive: true)
    }

    /// The ETag of these parts in this order: MD5 of their MD5, and their number.
    ///
    /// - Returns: nothing for a store or an encryption whose ETags are made otherwise.
    static func etag(ofParts list: [S3Client.Part]) -> String? {
        var hasher = Insecure.MD5()
        for part in list {
            guard let digest = md5(part.etag) else { return nil }
            hasher.update(data: digest)
        }
        let hex = hasher.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(hex)-\(list.count)"
    }

    private static func md5(_ etag: String) -> [UInt8]? {
        let digits = Array(etag.utf8)
        guard digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: 32, by: 2) {
            guard let byte = UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes
    }
}
