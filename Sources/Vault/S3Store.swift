package import AWS
import Codec
import HTTP
import Ledger
package import Platform

/// A vault in a bucket of S3 or of a server that speaks its protocol.
///
/// A digest that was computed while an archive was written is signed with every request, so the store itself refuses a
/// byte that changed on the way or on the disk before. Small objects are one PUT; large ones go in the parts of their part
/// table, several at once, and appear when all are there.
package struct S3Store: ObjectStore {
    package let client: S3Client
    /// What all keys of the vault begin with: empty, or with a slash at its end.
    package let prefix: ByteString
    package let options: S3StoreOptions
    /// The uploads under way, of all threads.
    let slots: Pool<Int>
    /// Whether the store refuses bytes that differ from the digest that is signed with them, and keys that are taken.
    let digestRefusal = LearnedFact()
    let takenRefusal = LearnedFact()
    /// Objects that were to be asked for before they were written.
    let lookups = Counter()
    /// Whether an object of the sidecars' class was found to be as it should once it had been written.
    let hasProvedSidecar = Monitor(false)
    /// Archive classes in which this store reads at once, as far as it was asked.
    let openClasses = Monitor<[String: Bool]>([:])

    /// User metadata: the digest of the whole object in hexadecimal digits, and the mark of the upload that made it.
    static let digestName = "coldchain-sha256"
    static let markName = "coldchain-upload"
    /// A single PUT holds no more (S3 API, PutObject), in bytes.
    private static let largestPut: Int64 = 5 << 30
    /// Objects of more bytes are asked for before they are sent, wherever they are: a look costs less than sending them in
    /// vain.
    private static let sentUnasked: Int64 = 16 << 20
    /// Parts but the last have at least this size (S3 user guide, multipart upload limits), in bytes.
    private static let smallestPart: Int64 = 5 << 20
    /// How often bytes that are right here are sent when the store says that wrong ones arrived.
    static let sendings = 4

    /// A store in a bucket.
    ///
    /// - Parameters:
    ///   - client: of the bucket.
    ///   - prefix: below which the vault's objects lie; empty for the whole bucket.
    ///   - options: how objects are put.
    package init(_ client: S3Client, prefix: String, _ options: S3StoreOptions) {
        self.client = client
        self.prefix = ByteString(prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/")
        self.options = options
        slots = Pool(limit: max(1, options.uploads)) { 0 }
    }

    package var description: String { client.name(ByteString(prefix.bytes.dropLast())) }

    /// The region whose prices are charged.
    package var region: String { client.endpoint.region }

    func full(_ key: ObjectKey) -> ByteString { prefix + key.bytes }

    func name(_ key: ObjectKey) -> String { client.name(full(key)) }

    // MARK: One object

    package func head(_ key: ObjectKey) throws(Fault) -> ObjectHead? {
        guard let info = try client.head(full(key)) else { return nil }
        // Of an object of several parts it is the digest of their digests, which some servers do not mark as such.
        let checksum =
            info.etag.contains("-")
            ? nil : info.checksumSHA256.flatMap { Base64.decode($0) }.flatMap { Digest256(bytes: $0) }
        return ObjectHead(
            size: info.size, modified: info.modified ?? Timestamp(seconds: 0), sha256: checksum,
            storageClass: info.storageClass, readability: try readability(info, key))
    }

    package func put(
        _ source: any RangedSource, expecting expected: ExpectedContent, to key: ObjectKey, _ putOptions: PutOptions
    ) throws(Fault) -> PutReceipt {
        guard source.size == expected.size else {
            throw Fault(.damaged, "\(source.name): has \(source.size) bytes, expected \(expected.size)")
        }
        // Refuses a part table that doesn't fit before anything is sent.
        _ = try ContentCheck(expected, of: source.name)
        let evidence: Evidence
        if let parts = expected.parts, parts.digests.count > 1, parts.partSize >= Self.smallestPart {
            let there = putOptions.presence == .free ? nil : try client.head(full(key))
            let upload = S3Upload(self, source, expected, parts, to: key, putOptions)
            if let there {
                guard let found = try upload.finished(there) else { throw taken(key) }
                evidence = found
            } else {
                evidence = try upload.run()
            }
        } else {
            if try isAskedFor(expected, putOptions), try client.head(full(key)) != nil { throw taken(key) }
            evidence = try putWhole(source, expected, key, putOptions)
        }
        return PutReceipt(key: key, size: expected.size, sha256: expected.sha256, evidence: evidence)
    }

    /// Whether an object of one request is asked for before it is sent.
    private func isAskedFor(_ expected: ExpectedContent, _ putOptions: PutOptions) throws(Fault) -> Bool {
        switch putOptions.presence {
        case .free: return false
        case .likelyTaken: return true
        case .unknown:
            guard expected.size <= Self.sentUnasked else { return true }
            return try !refusesTakenKeys()
        }
    }

    private func putWhole(
        _ source: any RangedSource, _ expected: ExpectedContent, _ key: ObjectKey, _ putOptions: PutOptions
    ) throws(Fault) -> Evidence {
        guard expected.size <= Self.largestPut else {
            throw Fault(.limit, "\(source.name): has no part table and more than 5 GiB, which one request can't hold")
        }
        let slice = try slice(source, 0..<expected.size) { () throws(Fault) in
            try ContentCheck(expected, of: source.name)
        }
        let mark = RandomID.make()
        let object = newObject(expected, putOptions, mark: mark)
        let written = try withSlot { () throws(Fault) -> S3Client.Written? in
            for _ in 1...Self.sendings {
                let outcome = try client.put(
                    full(key), slice.body, digest: expected.sha256, object, sendsChecksum: options.sendsChecksums)
                switch outcome {
                case .success(let written): return written
                case .failure(let error) where error.isDigestMismatch: try slice.examined()
                case .failure(let error) where error.status == 412:
                    // An earlier attempt may have succeeded, and its answer been lost.
                    guard try client.head(full(key))?.metadata[Self.markName] == mark else { throw taken(key) }
                    return nil
                case .failure(let error): throw error.fault(name(key))
                }
            }
            throw changedOnTheWay("\(name(key)): \(source.name)")
        }
        if let written, try isProof(written, expected, putOptions) { return .checksum }
        let evidence = try confirm(
            key, expected, putOptions, etags: Set([written?.etag].compactMap(\.self)), mayLack: false)
        if putOptions.role == .sidecar { hasProvedSidecar.with { $0 = true } }
        return evidence
    }

    package func open(_ key: ObjectKey) throws(Fault) -> any RangedSource {
        guard let info = try client.head(full(key)) else { throw missing(key) }
        return S3Source(client, full(key), info)
    }

    // MARK: Many objects

    package func list(prefix: String, _ each: (ObjectKey, ObjectHead) throws -> Void) throws(Fault) {
        let beginning = ByteString(prefix)
        // The prefix must be the beginning of a key, as in every other vault.
        if !beginning.isEmpty {
            let isDirectory = beginning.hasSuffix(UInt8(ascii: "/"))
            _ = try ObjectKey(bytes: isDirectory ? ByteString(beginning.bytes.dropLast()) : beginning)
        }
        try client.list(prefix: self.prefix + beginning) { object throws(Fault) in
            // What others put here under names that are none of ours is no object of the vault.
            guard object.key != probeKey,
                let key = try? ObjectKey(bytes: ByteString(object.key.bytes.dropFirst(self.prefix.count)))
            else { return }
            let head = ObjectHead(size: object.size, modified: object.modified, storageClass: object.storageClass)
            do { try each(key, head) } catch { throw .wrapping(error) }
        }
    }

    // MARK: Shared with uploads in parts

    /// Runs `body` as one of the uploads that may be under way.
    func withSlot<R>(_ body: () throws(Fault) -> R) throws(Fault) -> R {
        guard let slot = slots.take() else { throw Fault(.interrupted, "\(description): is being closed") }
        defer { slots.give(slot) }
        try options.mayStart()
        return try body()
    }

    /// A piece of a source as a body, and how to find out whether the piece itself is wrong.
    struct Slice {
        let body: HTTPBody
        /// Throws `damaged` when the bytes here are not what they should be.
        let examined: () throws(Fault) -> Void
    }

    /// A piece of a source; it is compared here only where the store doesn't.
    func slice(
        _ source: any RangedSource, _ range: Range<Int64>,
        _ makeCheck: @escaping @Sendable () throws(Fault) -> ContentCheck
    ) throws(Fault) -> Slice {
        let isChecked = try !refusesWrongDigests()
        let length = range.upperBound - range.lowerBound
        let body: HTTPBody =
            isChecked || options.rate != nil
            ? .slice(
                UploadSlice(source, range, rate: options.rate, check: isChecked ? makeCheck : nil), 0..<length)
            : .slice(source, range)
        // Nothing is read of an empty slice, so it is compared beforehand.
        if isChecked && length == 0 { try UploadSlice(source, range, check: makeCheck).examine() }
        return Slice(body: body) { () throws(Fault) in try UploadSlice(source, range, check: makeCheck).examine() }
    }

    func newObject(_ expected: ExpectedContent, _ putOptions: PutOptions, mark: String?) -> S3NewObject {
        var object = S3NewObject()
        object.contentType = putOptions.contentType
        object.storageClass = options.storageClass(putOptions.role)
        object.encryption = options.encryption
        object.lock = options.lock.map(retention)
        object.metadata[Self.digestName] = expected.sha256.description
        object.metadata[Self.markName] = mark
        object.tags = putOptions.tags
        object.isExclusive = true
        return object
    }

    package func retention(_ lock: (mode: String, days: Int)) -> S3NewObject.Lock {
        var until = options.clock.now()
        until.seconds += Int64(lock.days) * 86_400
        return S3NewObject.Lock(mode: lock.mode, until: until)
    }

    // MARK: Faults

    func taken(_ key: ObjectKey) -> Fault {
        Fault(.exists, "\(name(key)): is in the vault already, and nothing there is overwritten")
    }

    func missing(_ key: ObjectKey) -> Fault { Fault(.notFound, "\(name(key)): is not in the vault") }

    func changedOnTheWay(_ what: String) -> Fault {
        Fault(
            .damaged, "\(what): \(client.name()) received other bytes than were sent, \(Self.sendings) times",
            hint:
                "The bytes are right here, so something between here and the store changes them: a proxy, a network card."
        )
    }
}
