import AWS
import Codec
import Ledger
import Platform

/// One object on its way into a bucket in parts, several of them at once.
///
/// What has arrived is in the journal, if there is one, and an upload that another process began is gone on with.
final class S3Upload: Sendable {
    let store: S3Store
    let source: any RangedSource
    let expected: ExpectedContent
    let parts: PartTable
    let key: ObjectKey
    let options: PutOptions
    let journal: (any PartsJournal)?

    struct State {
        /// The numbers of the parts that nobody has begun, the next one last.
        var open: [Int] = []
        var done: [Int: S3Client.Part] = [:]
        var hasFailed = false
    }
    let state = Monitor(State())

    init(
        _ store: S3Store, _ source: any RangedSource, _ expected: ExpectedContent, _ parts: PartTable,
        to key: ObjectKey,
        _ options: PutOptions
    ) {
        self.store = store
        self.source = source
        self.expected = expected
        self.parts = parts
        self.key = key
        self.options = options
        journal = options.journal
    }

    var client: S3Client { store.client }
    var fullKey: ByteString { store.full(key) }

    /// Uploads, completes and proves.
    ///
    /// - Throws: as ``ObjectStore/put(_:expecting:to:_:)``.
    func run() throws(Fault) -> Evidence {
        let upload: PartsRecord.Upload
        if let earlier = try resumed() { upload = earlier } else { upload = try begin() }
        do throws(Fault) {
            try send(upload)
            return try complete(upload)
        } catch {
            // What is wrong with the source or the key stays wrong: parts that nobody will need cost money. After other
            // faults they are what the next attempt needs least to send again, if it can know of them.
            if journal == nil || [.damaged, .changed, .exists].contains(error.code) {
                // An upload that could not be aborted stays in the journal, so that the next attempt does it.
                if (try? client.abortUpload(fullKey, upload: upload.id)) != nil { try? journal?.end() }
            }
            throw error
        }
    }

    /// Goes on with an upload that is complete, though nobody has recorded it: an attempt was ended in between, or lost the
    /// store's last answer.
    ///
    /// - Returns: nothing when the object under the key is not known to be this upload's.
    func finished(_ info: S3ObjectInfo) throws(Fault) -> Evidence? {
        guard let record = try journal?.load(), isSame(record.upload),
            info.metadata[S3Store.markName] == record.upload.mark
        else { return nil }
        let numbers = Dictionary(record.parts.map { ($0.number, $0.etag) }, uniquingKeysWith: { $1 })
        let list = (1...parts.digests.count).compactMap { number in
            numbers[number].map { S3Client.Part(number: number, etag: $0) }
        }
        let etag = list.count == parts.digests.count ? Self.etag(ofParts: list) : nil
        let evidence = try store.confirm(
            key, expected, options, etags: Set([etag].compactMap(\.self)), mayLack: !client.endpoint.isAWS)
        try journal?.end()
        return evidence
    }

    // MARK: Beginning

    private func begin() throws(Fault) -> PartsRecord.Upload {
        let mark = RandomID.make()
        let object = store.newObject(expected, options, mark: mark)
        try store.options.mayStart()
        let began = client.serviceTime.seconds
        var upload = PartsRecord.Upload(
            id: "", object: store.name(key), mark: mark, size: expected.size, sha256: expected.sha256,
            partSize: parts.partSize, began: began, settings: settings)
        try journal?.begin(upload)
        let (id, mayHaveTwin) = try client.beginUpload(fullKey, object, sendsChecksums: store.options.sendsChecksums)
        upload.id = id
        try journal?.begin(upload)
        // A store that doesn't let us list uploads ends them by its lifecycle rule.
        if mayHaveTwin { try? abortUnknown(fullKey, since: began, but: id) }
        state.with { $0.open = Array((1...parts.digests.count).reversed()) }
        return upload
    }

    /// Seconds that the store's time may be taken for wrong: with more it refuses requests, which tells what it is.
    private static let clockTolerance: Int64 = 900

    /// Aborts uploads of a key that were begun here without their ids becoming known.
    ///
    /// The keys of a run are written by its job alone, and a job by one process at a time.
    private func abortUnknown(_ key: ByteString, since began: Int64, but kept: String? = nil) throws(Fault) {
        try client.abortUploads(of: key, but: kept, since: Timestamp(seconds: began - Self.clockTolerance))
    }

    private func isSame(_ upload: PartsRecord.Upload) -> Bool {
        upload.object == store.name(key) && upload.size == expected.size && upload.sha256 == expected.sha256
            && upload.partSize == parts.partSize && upload.settings == settings
    }

    /// What the store was told when the upload began, and can't be told again.
    private var settings: String {
        let options = store.options
        let lock = options.lock.map { "\($0.mode) \($0.days)" } ?? ""
        return [
            options.storageClass(self.options.role), options.encryption?.algorithm ?? "",
            options.encryption?.key ?? "", lock,
        ].joined(separator: "|")
    }

    /// The upload of the journal, if it is this object's and the store still knows it.
    private func resumed() throws(Fault) -> PartsRecord.Upload? {
        guard let record = try journal?.load() else { return nil }
        let upload = record.upload
        if upload.id.isEmpty {
            if let began = upload.began, let key = client.key(ofURL: upload.object) {
                do { try abortUnknown(key, since: began) } catch {
                    // A store that doesn't let us list uploads ends them by its lifecycle rule.
                    guard [.permission, .unsupported, .notFound].contains(error.code) else { throw error }
                }
            }
            return nil
        }
        guard isSame(upload) else {
            // Of other bytes, or of another key: nobody will go on with it.
            if let other = client.key(ofURL: upload.object) { try store.abandon(other, upload.id) }
            return nil
        }
        guard let listed = try client.parts(fullKey, upload: upload.id) else { return nil }
        // Only what journal and store both know counts: the one knows the digests, the other what is there.
        let there = Dictionary(listed.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
        var done: [Int: S3Client.Part] = [:]
        for part in record.parts where (1...parts.digests.count).contains(part.number) {
            guard let found = there[part.number], found.etag == part.etag, found.size == range(part.number).count64
            else { continue }
            done[part.number] = S3Client.Part(
                number: part.number, etag: part.etag, checksumSHA256: checksum(part.number), size: found.size)
        }
        state.with { state in
            state.done = done
            state.open = (1...parts.digests.count).reversed().filter { done[$0] == nil }
        }
        return upload
    }
}
