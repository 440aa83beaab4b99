import AWS
import Codec
package import Platform
package import Vault

/// The content that a vault has of a warehouse, in the order of its keys at the source: what lies below `data/`,
/// `run/RUN/` and `long/RUN/`, without logs, which always stay.
///
/// The vault lists them by its own keys, so they are sorted, in bounded memory: there may be ten million.
package final class StoredObjects {
    package struct Object: Sendable, Equatable {
        /// At the source, without what looks like a generation.
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
    /// Objects under the digests of their keys that no manifest names.
    package private(set) var unnamed = 0

    /// Takes an object under the digest of its key, and that key.
    package typealias LongKey = (_ object: ByteString, _ key: ByteString) throws(Fault) -> Void

    /// Bytes of what is listed that are sorted at once.
    private static let memory = 32 << 20

    /// Lists the vault.
    ///
    /// - Parameters:
    ///   - vault: the vault.
    ///   - job: whose objects.
    ///   - scratch: a local directory.
    ///   - longKeys: tells what manifests name below `long/`, in any order; asked where the vault has any of it.
    /// - Throws: the fault of the store; a listing that is not whole is none.
    package init(
        _ vault: S3Store, job: String, scratch: Directory,
        longKeys: (_ each: LongKey) throws(Fault) -> Void = { _ in }
    ) throws(Fault) {
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
                try Self.append(key, ByteString(object), listed, to: lane)
            }
        }
        unnamed = try Self.appendLong(vault, job, scratch, longKeys, to: lane)
        merge = try ObjectMerge(try lane.finish())
    }

    /// Adds what lies under the digests of keys: which those are, manifests alone tell.
    ///
    /// - Returns: of how many none does.
    private static func appendLong(
        _ vault: S3Store, _ job: String, _ scratch: Directory, _ longKeys: (_ each: LongKey) throws(Fault) -> Void,
        to lane: SortLane
    ) throws(Fault) -> Int {
        let beginning = vault.prefix + ByteString("\(job)/long/")
        guard try vault.client.firstKey(prefix: beginning) != nil else { return 0 }
        let sorter = try RowSorter(scratch: scratch)
        var row = RowWriter()
        try longKeys { (object, key) throws(Fault) in
            row.field(object)
            row.field(key)
            row.endRow()
            try sorter.add(&row)
        }
        let named = try sorter.finish().reader()
        func next() throws(Fault) -> (object: ByteString, key: ByteString)? {
            guard let row = try named.next() else { return nil }
            return (try row.bytes(0), try row.bytes(1))
        }
        var ahead = try next()
        var unnamed = 0
        try vault.client.list(prefix: beginning) { listed throws(Fault) in
            guard listed.key.hasPrefix(beginning) else { return }
            let object = ByteString(listed.key.bytes[vault.prefix.count...])
            while let one = ahead, one.object < object { ahead = try next() }
            guard let one = ahead, one.object == object else {
                unnamed += 1
                return
            }
            if !DestinationKeys.isLog(one.key) { try append(one.key, object, listed, to: lane) }
        }
        return unnamed
    }

    /// What a listing tells is bounded.
    private static let longestClass = 255

    private static func append(
        _ key: ByteString, _ object: ByteString, _ listed: S3Client.ListedObject, to lane: SortLane
    ) throws(Fault) {
        // The same key may lie in several places; no key has a NUL.
        let sorted = key.bytes + [0] + object.bytes
        guard sorted.count <= 2 * DestinationKeys.longest, listed.storageClass.utf8.count <= longestClass else {
            throw Fault(.damaged, "the listing has a key or a class that no object can have: '\(listed.key)'")
        }
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

    /// The key at the source of an object that lies under its own, `JOB/data/KEY` or `JOB/run/RUN/KEY`, or under a
    /// generation of it.
    ///
    /// - Parameters:
    ///   - object: as manifests name it.
    ///   - job: whose.
    /// - Returns: nothing for another object; the key of `a.g2` is told as `a`, though the source may have that key, too:
    ///   the manifest that names it tells.
    package static func key(of object: some Collection<UInt8>, job: String) -> ByteString? {
        literalKey(of: object, job: job).map { withoutGeneration($0) ?? $0 }
    }

    /// The same with what looks like a generation.
    package static func literalKey(of object: some Collection<UInt8>, job: String) -> ByteString? {
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

    /// A key without the `.gN` at its end; nothing for one that has none.
    package static func withoutGeneration(_ key: ByteString) -> ByteString? {
        let bytes = key.bytes
        var at = bytes.count
        while at > 0, (0x30...0x39).contains(bytes[at - 1]) { at -= 1 }
        guard at < bytes.count, bytes.count - at <= 3, at > 2, bytes[at - 1] == UInt8(ascii: "g"),
            bytes[at - 2] == UInt8(ascii: ".")
        else { return nil }
        return ByteString(bytes[..<(at - 2)])
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
