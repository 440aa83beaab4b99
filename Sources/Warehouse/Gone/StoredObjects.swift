import AWS
package import Platform
package import Vault

/// The content that a vault has of a warehouse, in the order of its keys at the source: what lies below `data/` and
/// `run/RUN/`, without logs, which always stay.
///
/// The vault lists them by its own keys, so they are sorted, in bounded memory: there may be ten million.
package final class StoredObjects {
    package struct Object: Sendable, Equatable {
        /// At the source.
        package var key: ByteString
        /// As manifests name it: the key in the vault, below its prefix.
        package var object: ByteString
        package var size: Int64
        /// When the copy was made.
        package var created: Timestamp
        package var storageClass: String

        package init(key: ByteString, object: ByteString, size: Int64, created: Timestamp, storageClass: String) {
            self.key = key
            self.object = object
            self.size = size
            self.created = created
            self.storageClass = storageClass
        }
    }

    private let merge: ObjectMerge
    private let job: String

    /// Bytes of what is listed that are sorted at once.
    private static let memory = 32 << 20

    /// Lists the vault.
    ///
    /// - Parameters:
    ///   - vault: the vault.
    ///   - job: whose objects.
    ///   - scratch: a local directory.
    /// - Throws: the fault of the store; a listing that is not whole is none.
    package init(_ vault: S3Store, job: String, scratch: Directory) throws(Fault) {
        self.job = job
        let lane = SortLane(scratch: scratch, memory: Self.memory)
        var count = 0
        for place in ["data", "run"] {
            let beginning = vault.prefix + ByteString("\(job)/\(place)/")
            try vault.client.list(prefix: beginning) { listed throws(Fault) in
                count += 1
                if count & 0xFFF == 0 { try Shutdown.check() }
                // Whatever says that it is listed and is not there was never asked for.
                guard listed.key.hasPrefix(beginning) else { return }
                let object = listed.key.bytes[vault.prefix.count...]
                guard let key = Self.key(of: object, job: job), !DestinationKeys.isLog(key),
                    // A manifest that was read and written has only keys that are text.
                    String(validating: key.bytes, as: UTF8.self) != nil
                else { return }
                // The same key may lie in several places; no key has a NUL.
                let sorted = key.bytes + [0] + object
                try Self.append(sorted, listed, to: lane)
            }
        }
        merge = try ObjectMerge(try lane.finish())
    }

    private static func append(_ sorted: [UInt8], _ listed: S3Client.ListedObject, to lane: SortLane) throws(Fault) {
        var failure: Fault?
        sorted.withUnsafeBytes { key in
            Array(listed.storageClass.utf8).withUnsafeBytes { storageClass in
                let none = UnsafeRawBufferPointer(start: nil, count: 0)
                do throws(Fault) {
                    try lane.append(
                        ListedObject(
                            key: key, size: listed.size, modified: listed.modified, etag: none, version: none,
                            storageClass: storageClass, isArchived: false))
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
    }

    /// The key at the source of an object that lies under its own: `JOB/data/KEY` or `JOB/run/RUN/KEY`.
    ///
    /// - Parameters:
    ///   - object: as manifests name it.
    ///   - job: whose.
    /// - Returns: nothing for another object.
    package static func key(of object: some Collection<UInt8>, job: String) -> ByteString? {
        var rest = object[...]
        func drop(_ text: String) -> Bool {
            guard rest.starts(with: text.utf8) else { return false }
            rest = rest.dropFirst(text.utf8.count)
            return !rest.isEmpty
        }
        guard drop("\(job)/") else { return nil }
        if drop("data/") { return ByteString(rest) }
        guard drop("run/"), rest.count > 11, CivilDate(String(decoding: rest.prefix(10), as: UTF8.self)) != nil
        else { return nil }
        rest = rest.dropFirst(10)
        return drop("/") ? ByteString(rest) : nil
    }

    /// The next object, or nothing at the end; several of one key follow each other.
    package func next() throws(Fault) -> Object? {
        guard let record = try merge.next() else { return nil }
        let bytes = record.key
        guard let middle = bytes.firstIndex(of: 0) else {
            throw Fault(.damaged, "the sorted listing is not what it was")
        }
        return Object(
            key: ByteString(bytes[..<middle]), object: ByteString(bytes[(middle + 1)...]), size: record.size,
            created: record.modified, storageClass: String(decoding: record.storageClass, as: UTF8.self))
    }
}
