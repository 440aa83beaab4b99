import AWS
import Platform

/// The copy of one object in parts: UploadPartCopy, several at once.
struct LargeCopy: Sendable {
    private let copier: ObjectCopier
    private let item: CopyItem
    private let key: ByteString
    private let origin: S3Client.CopySource
    private let object: S3NewObject
    private let uploads: LargeCopies
    private let isReplacing: Bool

    /// Parts that are planned for at the most, of the 10 000 that S3 has.
    private static let plannedParts: Int64 = 9_000

    init(
        _ copier: ObjectCopier, _ item: CopyItem, to key: ByteString, _ origin: S3Client.CopySource,
        _ object: S3NewObject, _ uploads: LargeCopies, isReplacing: Bool
    ) {
        self.copier = copier
        self.item = item
        self.key = key
        self.origin = origin
        self.object = object
        self.uploads = uploads
        self.isReplacing = isReplacing
    }

    private var target: S3Client { copier.target }
    private var sourceName: String { copier.source.name(item.key) }

    private var partSize: Int64 {
        let mebibyte: Int64 = 1 << 20
        let least = (item.size + Self.plannedParts * mebibyte - 1) / (Self.plannedParts * mebibyte) * mebibyte
        return max(copier.options.partSize, least)
    }

    func run() throws(Fault) -> CopyOutcome {
        if let known = uploads.find(key, source: sourceName, etag: origin.etag ?? ""),
            let parts = try target.parts(key, upload: known.upload)
        {
            return try finish(known, there: parts)
        }
        let id = try target.createUpload(key, object, sendsChecksums: false)
        let begun = LargeCopies.Begun(
            key: S3Client.text(key), source: sourceName, etag: origin.etag ?? "", upload: id, partSize: partSize)
        do throws(Fault) { try uploads.add(begun) } catch {
            try? target.abortUpload(key, upload: id)
            throw error
        }
        return try finish(begun, there: [])
    }

    private func finish(_ begun: LargeCopies.Begun, there: [S3Client.Part]) throws(Fault) -> CopyOutcome {
        let count = Int((item.size + begun.partSize - 1) / begun.partSize)
        var parts: [Int: S3Client.Part] = [:]
        for part in there where (1...count).contains(part.number) {
            let range = range(part.number, begun)
            if part.size == range.upperBound - range.lowerBound { parts[part.number] = part }
        }
        let missing = (1...count).filter { parts[$0] == nil }
        switch try copyParts(missing, begun) {
        case .success(let made): for part in made { parts[part.number] = part }
        case .failure(let error):
            // What can't be had can't be finished either.
            let outcome = try copier.outcome(of: error, item, key)
            try target.abortUpload(key, upload: begun.upload)
            return outcome
        }
        return try complete(begun, (1...count).compactMap { parts[$0] })
    }

    private func range(_ number: Int, _ begun: LargeCopies.Begun) -> Range<Int64> {
        let start = Int64(number - 1) * begun.partSize
        return start..<min(item.size, start + begun.partSize)
    }

    private func copyParts(_ numbers: [Int], _ begun: LargeCopies.Begun) throws(Fault)
        -> Result<[S3Client.Part], S3Error>
    {
        let queue = BoundedQueue<Int>(capacity: max(1, numbers.count))
        for number in numbers { queue.push(number) }
        queue.close()
        let made = Monitor<(parts: [S3Client.Part], error: S3Error?)>(([], nil))
        let crew = ThreadCrew { queue.cancel() }
        for thread in 0..<min(copier.options.partsAtOnce, numbers.count) {
            try crew.start("copy-part-\(thread)") {
                while let number = queue.pop() {
                    try Shutdown.check()
                    try copier.options.mayStart()
                    let outcome = try target.uploadPartCopy(
                        key, upload: begun.upload, number: number, from: origin, range: range(number, begun))
                    switch outcome {
                    case .success(let part): made.with { $0.parts.append(part) }
                    case .failure(let error):
                        made.with { $0.error = $0.error ?? error }
                        queue.cancel()
                    }
                }
            }
        }
        try crew.join()
        return made.with { made in made.error.map { .failure($0) } ?? .success(made.parts) }
    }

    private func complete(_ begun: LargeCopies.Begun, _ parts: [S3Client.Part]) throws(Fault) -> CopyOutcome {
        // Not every server knows If-None-Match.
        if !isReplacing, try target.head(key) != nil {
            try target.abortUpload(key, upload: begun.upload)
            return .taken
        }
        let completed = try target.completeUpload(
            key, upload: begun.upload, parts, size: item.size, sendsChecksums: false, isExclusive: !isReplacing)
        switch completed {
        case .success: break
        case .failure(let error) where error.status == 412:
            try target.abortUpload(key, upload: begun.upload)
            return .taken
        // An earlier attempt may have succeeded, and its answer been lost.
        case .failure(let error) where error.isUploadGone:
            guard let there = try target.head(key), copier.isSame(there, item) else {
                throw error.fault(target.name(key))
            }
        case .failure(let error): throw error.fault(target.name(key))
        }
        let info = try copier.proved(item, key)
        // Ceph loses the tags that an upload is begun with.
        if info.tagCount != object.tags.count { try target.putTags(object.tags, key, version: info.version) }
        return .copied(etag: info.etag)
    }
}
