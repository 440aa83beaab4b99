import AWS
import Codec
import Ledger
package import Platform

extension S3Store {
    /// A percent-escaped name as the value of a tag, which may hold no percent sign (S3 user guide, object tagging: letters,
    /// digits, spaces and `+ - = . _ : / @`, at most 256).
    package static func tagValue(_ escaped: String) -> String { String(escaped.replacing("%", with: "=").prefix(256)) }

    /// Proves an object by the checksum that the store keeps, or, where it keeps none, by reading all of it.
    ///
    /// - Throws: as ``ObjectStore/verify(_:expecting:)``.
    package func verify(_ key: ObjectKey, expecting expected: ExpectedContent) throws(Fault) -> Evidence {
        guard let info = try client.head(full(key)) else { throw missing(key) }
        if try matchesChecksum(info, key, expected) { return .checksum }
        return try reread(key, info, expected)
    }

    /// Proves an object that was there, and gives it the lock that a new one would have.
    ///
    /// - Throws: as ``ObjectStore/adopt(_:expecting:_:)``.
    package func adopt(_ key: ObjectKey, expecting expected: ExpectedContent, _ putOptions: PutOptions) throws(Fault)
        -> Evidence
    {
        guard let info = try client.head(full(key)) else { throw missing(key) }
        let evidence =
            try matchesChecksum(info, key, expected) ? Evidence.checksum : try reread(key, info, expected)
        try checkClass(info, key, putOptions)
        if let lock = options.lock, lockFinding(info, key) != nil {
            try client.putRetention(retention(lock), full(key))
        }
        try settle(putOptions.journal, info)
        return evidence
    }

    private func checkClass(_ info: S3ObjectInfo, _ key: ObjectKey, _ putOptions: PutOptions) throws(Fault) {
        let wanted = options.storageClass(putOptions.role)
        guard wanted.isEmpty || info.storageClass == wanted else {
            throw Fault(
                .unsupported, "\(name(key)): is in class \(info.storageClass), not in \(wanted)",
                hint: "Choose a storage_class that the server has, or the one in which the object is.")
        }
    }

    /// Proves an object that has just been written.
    ///
    /// - Parameters:
    ///   - key: where it is.
    ///   - expected: what was sent.
    ///   - putOptions: what it was to get besides.
    ///   - etags: what the store may call the bytes that it took, each of which it has compared with its digest.
    ///   - mayLack: whether the store may have lost tags and lock.
    /// - Returns: `checksum` where the store has compared; `reread` or `head` where it has not.
    /// - Throws: `damaged` when it is not what was sent; `unsupported` when it is in another class.
    func confirm(
        _ key: ObjectKey, _ expected: ExpectedContent, _ putOptions: PutOptions, etags: Set<String>, mayLack: Bool
    ) throws(Fault) -> Evidence {
        guard let info = try client.head(full(key)) else {
            throw Fault(.damaged, "\(name(key)): the store took it and has not got it")
        }
        let evidence: Evidence
        let isKept = try matchesChecksum(info, key, expected)
        let isRefused = try refusesWrongDigests()
        if isKept || (isRefused && !info.etag.isEmpty && etags.contains(info.etag)) {
            evidence = .checksum
        } else {
            evidence = try reread(key, info, expected)
        }
        try checkClass(info, key, putOptions)
        if let lock = options.lock {
            if let mode = info.lockMode, mode != lock.mode {
                throw Fault(.unsupported, "\(name(key)): is locked in mode \(mode), not \(lock.mode)")
            }
            // AWS shows the lock only to those who may ask for it.
            if info.lockMode == nil, mayLack { try client.putRetention(retention(lock), full(key)) }
        }
        if mayLack, !putOptions.tags.isEmpty {
            let found = try client.tags(full(key))
            let all = found.merging(putOptions.tags) { $1 }
            if all != found { try client.putTags(all, full(key)) }
        }
        return evidence
    }

    /// Whether the store's answer to a write is all the proof that is wanted of a sidecar.
    ///
    /// The store has compared the bytes with the digest that was signed with them, and named what it made of them. What
    /// the answer does not tell, the class and the lock, was looked at when the process wrote its first one; where objects
    /// are locked, each is looked at.
    func isProof(_ written: S3Client.Written, _ expected: ExpectedContent, _ putOptions: PutOptions) throws(Fault)
        -> Bool
    {
        guard putOptions.isProvedByAnswer, putOptions.role == .sidecar, options.lock == nil, !written.etag.isEmpty,
            hasProvedSidecar.with({ $0 }), try refusesWrongDigests()
        else { return false }
        return written.checksumSHA256.map { $0 == Base64.encode(expected.sha256.bytes) } ?? true
    }

    /// Compares with what HEAD says.
    ///
    /// - Returns: whether the store keeps a checksum of the bytes, and it is the right one.
    /// - Throws: `damaged` for another size or another checksum.
    func matchesChecksum(_ info: S3ObjectInfo, _ key: ObjectKey, _ expected: ExpectedContent) throws(Fault)
        -> Bool
    {
        guard info.size == expected.size else {
            throw Fault(.damaged, "\(name(key)): has \(info.size) bytes, expected \(expected.size)")
        }
        guard let found = info.checksumSHA256 else { return false }
        let wanted: String
        if let dash = found.lastIndex(of: "-") {
            // A digest of the digests of so many parts tells nothing to whom they are cut otherwise.
            guard let parts = expected.parts, found[dash...] == "-\(parts.digests.count)" else { return false }
            wanted = Self.composite(parts.digests)
        } else if info.etag.contains("-") {
            // Some servers leave the number of parts out, so that nobody knows of what it is the digest.
            return expected.parts.map { Self.composite($0.digests) == "\(found)-\($0.digests.count)" } ?? false
        } else {
            wanted = Base64.encode(expected.sha256.bytes)
        }
        guard found == wanted else {
            throw Fault(
                .damaged, "\(name(key)): the store's sha256 is \(found), expected \(wanted)",
                hint: "The object holds other bytes; it is left alone.")
        }
        return true
    }

    /// The checksum of a whole whose parts have these digests, as the store writes it.
    static func composite(_ digests: [Digest256]) -> String {
        Base64.encode(SHA256Hasher.digest(of: digests.flatMap(\.bytes)).bytes) + "-\(digests.count)"
    }

    /// Reads the object back; what can't be read without a restore is judged by its metadata.
    ///
    /// Bytes that differ are read once more: a byte may have changed on the way here, and the object be right.
    func reread(_ key: ObjectKey, _ info: S3ObjectInfo, _ expected: ExpectedContent) throws(Fault) -> Evidence {
        do { return try readOnce(key, info, expected) } catch {
            guard error.code == .damaged else { throw error }
            return try readOnce(key, info, expected)
        }
    }

    private func readOnce(_ key: ObjectKey, _ info: S3ObjectInfo, _ expected: ExpectedContent) throws(Fault) -> Evidence
    {
        let check = Monitor(try ContentCheck(expected, of: name(key), byParts: false))
        if expected.size > 0 {
            do throws(Fault) {
                try client.get(full(key), 0..<expected.size, etag: info.etag.isEmpty ? nil : info.etag) {
                    bytes throws(Fault) in
                    var failure: Fault?
                    check.with { check in do throws(Fault) { try check.update(bytes) } catch { failure = error } }
                    if let failure { throw failure }
                }
            } catch {
                guard error.code == .tryLater else { throw error }
                guard let found = info.metadata[Self.digestName], found == expected.sha256.description else {
                    throw Fault(
                        .damaged, "\(name(key)): is not marked as what is expected, and must be restored to be read")
                }
                return .head
            }
        }
        var last = check.with { $0 }
        try last.finish()
        return .reread
    }
}
