import AWS
import Codec
import Crypto
import Ledger
import Platform

/// One object on its way into a bucket in parts, several of them at once.
///
/// What has arrived is in the journal, if there is one, and an upload that another process began is gone on with.
final class S3Upload: Sendable {
    private let store: S3Store
    private let source: any RangedSource
    private let expected: ExpectedContent
    private let parts: PartTable
    private let key: ObjectKey
    private let options: PutOptions
    private let journal: (any PartsJournal)?

    private struct State {
        /// The numbers of the parts that nobody has begun, the next one last.
        var open: [Int] = []
        var done: [Int: S3Client.Part] = [:]
        var hasFailed = false
    }
    private let state = Monitor(State())

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

    private var client: S3Client { store.client }
    private var fullKey: ByteString { store.full(key) }

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
        let began = store.options.clock.now().seconds
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

    /// Seconds that the clocks here and there may be apart: with more, the store refuses all requests.
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

    // MARK: Parts

    private func range(_ number: Int) -> Range<Int64> {
        let start = Int64(number - 1) * parts.partSize
        return start..<min(start + parts.partSize, expected.size)
    }

    private func checksum(_ number: Int) -> String? {
        store.options.sendsChecksums ? Base64.encode(parts.digests[number - 1].bytes) : nil
    }

    private func send(_ upload: PartsRecord.Upload) throws(Fault) {
        // Asked once, before the threads would all ask.
        _ = try store.refusesWrongDigests()
        let crew = ThreadCrew(onFault: { [state] in state.with { $0.hasFailed = true } })
        let threads = min(max(1, store.options.uploads), state.with { $0.open.count })
        for _ in 0..<threads {
            do throws(Fault) { try crew.start("upload") { try self.work(upload) } } catch {
                crew.failed(error)
                break
            }
        }
        try crew.join()
    }

    private func work(_ upload: PartsRecord.Upload) throws(Fault) {
        while let number = state.with({ $0.hasFailed ? nil : $0.open.popLast() }) {
            let part = try store.withSlot { () throws(Fault) in try send(number, upload) }
            var failure: Fault?
            state.with { state in
                state.done[number] = part
                // Under the lock: lines must not mix.
                do throws(Fault) { try journal?.add(.init(number: number, etag: part.etag)) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    private func send(_ number: Int, _ upload: PartsRecord.Upload) throws(Fault) -> S3Client.Part {
        let range = range(number)
        let digest = parts.digests[number - 1]
        let name = "\(source.name): part \(number) of \(parts.digests.count)"
        let slice = try store.slice(source, range) { () throws(Fault) in
            try ContentCheck(ExpectedContent(size: range.count64, sha256: digest), of: name)
        }
        for _ in 1...S3Store.sendings {
            let outcome: Result<S3Client.Part, S3Error>
            do throws(Fault) {
                outcome = try client.uploadPart(
                    fullKey, upload: upload.id, number: number, slice.body, digest: digest,
                    sendsChecksum: store.options.sendsChecksums)
            } catch {
                // What the source throws names the part itself.
                throw error.code == .unreachable ? error.within("part \(number) of \(parts.digests.count)") : error
            }
            switch outcome {
            case .success(let part): return part
            case .failure(let error) where error.isDigestMismatch: try slice.examined()
            case .failure(let error) where error.isUploadGone:
                // Somebody aborted it: nothing of it is left, and the next attempt begins anew.
                try? journal?.end()
                throw error.fault("\(store.name(key)): part \(number)")
            case .failure(let error): throw error.fault("\(store.name(key)): part \(number)")
            }
        }
        throw store.changedOnTheWay("\(store.name(key)): \(name)")
    }

    // MARK: The end

    private func complete(_ upload: PartsRecord.Upload) throws(Fault) -> Evidence {
        let done = state.with { $0.done }
        let list = (1...parts.digests.count).compactMap { done[$0] }
        guard list.count == parts.digests.count else {
            throw Fault(.interrupted, "\(store.name(key)): \(list.count) of \(parts.digests.count) parts are uploaded")
        }
        // Some servers ignore If-None-Match here.
        if try client.head(fullKey) != nil { throw store.taken(key) }
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
    private static func etag(ofParts list: [S3Client.Part]) -> String? {
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

extension Range<Int64> {
    /// The number of bytes in the range.
    fileprivate var count64: Int64 { upperBound - lowerBound }
}
