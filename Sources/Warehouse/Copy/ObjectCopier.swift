package import AWS
package import Platform

/// Copies objects inside the store, from bucket to bucket: no byte passes through here.
///
/// Every request of a copy goes to the target with the target's credentials, which must be allowed to read the source.
/// Metadata and tags are carried by name, never by default: a copy in parts would lose both, and a tag that marks the
/// source for deletion must not come along.
package struct ObjectCopier: Sendable {
    package struct Options: Sendable {
        package var encryption: S3NewObject.Encryption?
        /// Object Lock of a copy that is made now.
        package var lock: @Sendable () -> S3NewObject.Lock? = { nil }
        /// Tags that every copy gets besides those of its source, where there is room for them.
        package var tags: [String: String] = [:]
        /// Larger objects are copied in parts: 5 GB, not 5 GiB (S3 API, CopyObject).
        package var largestCopy = BatchCSV.largestCopy
        /// Bytes of a part, at the least.
        package var partSize: Int64 = 512 << 20
        package var partsAtOnce = 8
        /// What is allowed to begin now; throws `tryLater` outside of a window.
        package var mayStart: @Sendable () throws(Fault) -> Void = {}

        package init() {}
    }

    package let source: S3Client
    package let target: S3Client
    package let options: Options

    /// User metadata: the ETag that the object had at its source, by which the copy is known again.
    static let markName = "coldchain-source-etag"
    /// Tags of ours, which no copy takes from its source.
    private static let ownTags = "coldchain-"
    /// An object has no more (S3 user guide, object tags).
    private static let mostTags = 10
    /// User metadata has no more bytes, names and values together (S3 user guide, object metadata).
    private static let mostMetadata = 2_048

    /// - Parameters:
    ///   - source: the bucket that is read, with credentials that may read it.
    ///   - target: the bucket that is written.
    ///   - options: how copies are made.
    package init(from source: S3Client, to target: S3Client, _ options: Options = Options()) {
        self.source = source
        self.target = target
        self.options = options
    }

    /// Copies an object unless the same content is there already.
    ///
    /// - Parameters:
    ///   - item: what to copy.
    ///   - key: where to.
    ///   - uploads: remembers copies in parts.
    ///   - isReplacing: true to let another object under the key be replaced.
    /// - Returns: what became of it; an object that can't be had is no fault.
    /// - Throws: the service's error, of the source and of the target; `damaged` for a copy that is not what was asked for.
    package func copy(
        _ item: CopyItem, to key: ByteString, uploads: LargeCopies, isReplacing: Bool = false
    ) throws(Fault) -> CopyOutcome {
        try options.mayStart()
        if let there = try target.head(key) {
            if isSame(there, item) { return .adopted(etag: there.etag) }
            if !isReplacing { return .taken }
        }
        guard let info = try find(item) else { return .vanished }
        guard item.etag.isEmpty || info.etag == item.etag, info.size == item.size else { return .changed }
        let origin = S3Client.CopySource(
            source.bucket, item.key, version: item.version.isEmpty ? nil : item.version, etag: info.etag)
        let wanted: (object: S3NewObject, keepsMetadata: Bool)
        do throws(Fault) { wanted = try newObject(of: item, info) } catch {
            // Another server than S3 does not even tell the tags of such an object.
            if error.code == .tryLater { return .archived }
            throw error
        }
        let outcome =
            item.size > options.largestCopy
            ? try LargeCopy(self, item, to: key, origin, wanted.object, uploads, isReplacing: isReplacing).run()
            : try copyWhole(item, to: key, origin, wanted, isReplacing)
        // Somebody else may have been faster, or an answer been lost.
        if case .taken = outcome, let there = try target.head(key), isSame(there, item) {
            return .adopted(etag: there.etag)
        }
        return outcome
    }

    private func copyWhole(
        _ item: CopyItem, to key: ByteString, _ origin: S3Client.CopySource,
        _ wanted: (object: S3NewObject, keepsMetadata: Bool), _ isReplacing: Bool
    ) throws(Fault) -> CopyOutcome {
        var object = wanted.object
        object.isExclusive = !isReplacing
        switch try target.copy(origin, to: key, object, keepsMetadata: wanted.keepsMetadata) {
        case .success(let written):
            // Equal ETags prove the content; unequal ones nothing: encryption and parts change them.
            if target.endpoint.isAWS, written.etag == origin.etag { return .copied(etag: written.etag) }
            let info = try proved(item, key)
            // Ceph loses the tags that a copy is to get, or takes over those of its source.
            if !target.endpoint.isAWS, try !hasTags(object.tags, key, info) {
                try target.putTags(object.tags, key, version: info.version)
            }
            return .copied(etag: info.etag)
        case .failure(let error): return try outcome(of: error, item, key)
        }
    }

    /// Whether a copy has just these tags; another server may not tell them of an object in an archive class.
    private func hasTags(_ tags: [String: String], _ key: ByteString, _ info: S3ObjectInfo) throws(Fault) -> Bool {
        do throws(Fault) { return try target.tags(key, version: info.version) == tags } catch {
            guard error.code == .tryLater else { throw error }
            return false
        }
    }

    /// What HEAD says of a copy that has just been made.
    func proved(_ item: CopyItem, _ key: ByteString) throws(Fault) -> S3ObjectInfo {
        guard let info = try target.head(key) else {
            throw Fault(.damaged, "\(target.name(key)): is not there after it was copied")
        }
        guard info.size == item.size else {
            throw Fault(.damaged, "\(target.name(key)): has \(info.size) bytes, its source has \(item.size)")
        }
        return info
    }

    /// What an error of a copy says of the source, or of a key that is taken.
    ///
    /// - Throws: any other error, as a fault that names the key.
    func outcome(of error: S3Error, _ item: CopyItem, _ key: ByteString) throws(Fault) -> CopyOutcome {
        switch (error.status, error.code) {
        // The API's page has the second word (CopyObject, errors), the service says the first.
        case (_, "InvalidObjectState"), (_, "ObjectNotInActiveTierError"): return .archived
        case (412, _):
            // Said of the target, which is not to be replaced, and of the source, which is to be the same.
            if try target.head(key) != nil { return .taken }
            return .changed
        case (404, "NoSuchKey"), (404, "NoSuchVersion"):
            return try find(item) == nil ? .vanished : .changed
        default: throw error.fault("\(target.name(key)), copied from \(source.name(item.key))")
        }
    }

    private func find(_ item: CopyItem) throws(Fault) -> S3ObjectInfo? {
        try SourceLook(source).find(item.key, version: item.version)
    }

    /// Whether an object of the target is a copy of the item.
    func isSame(_ there: S3ObjectInfo, _ item: CopyItem) -> Bool {
        guard there.size == item.size, !item.etag.isEmpty else { return false }
        // A job of Batch Operations carries a mark along that a restore has left at the source.
        return there.etag == item.etag || there.metadata[Self.markName] == item.etag
    }

    /// What the copy gets besides its bytes, and whether the service is to take the metadata over as they are.
    private func newObject(of item: CopyItem, _ info: S3ObjectInfo) throws(Fault)
        -> (object: S3NewObject, keepsMetadata: Bool)
    {
        var object = S3NewObject()
        object.storageClass = item.storageClass
        object.encryption = options.encryption
        object.lock = options.lock()
        object.content = info.content
        object.metadata = info.metadata
        object.metadata[Self.markName] = info.etag
        object.tags = try tags(of: item, info)
        let length = object.metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        // Values that a header can't hold are told encoded (RFC 2047), and would be encoded twice.
        let isEncoded = info.lacksMetadata || info.metadata.values.contains { $0.hasPrefix("=?") }
        return (object, isEncoded || length > Self.mostMetadata)
    }

    private func tags(of item: CopyItem, _ info: S3ObjectInfo) throws(Fault) -> [String: String] {
        guard info.tagCount > 0 else { return options.tags }
        let all = try source.tags(item.key, version: item.version.isEmpty ? nil : item.version)
        let kept = all.filter { !$0.key.hasPrefix(Self.ownTags) }
        // The source's own tags are nowhere else; ours say only what the manifest says, too.
        return kept.count + options.tags.count > Self.mostTags ? kept : kept.merging(options.tags) { $1 }
    }
}
