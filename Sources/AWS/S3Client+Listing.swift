import HTTP
package import Platform

extension S3Client {
    /// A row of ListObjectsV2.
    package struct ListedObject: Sendable, Equatable {
        package var key: ByteString
        package var size: Int64
        package var modified: Timestamp
        package var etag: String
        package var storageClass: String
    }

    /// A row of ListObjectVersions: a version of an object, or a delete marker.
    package struct ListedVersion: Sendable, Equatable {
        package var key: ByteString
        package var version: String
        package var isLatest: Bool
        package var isDeleteMarker: Bool
        package var size: Int64
        package var modified: Timestamp
        package var etag: String
        package var storageClass: String
    }

    /// ListObjectsV2, all pages, in the order of the keys' bytes.
    ///
    /// - Parameters:
    ///   - prefix: a beginning of keys.
    ///   - start: only keys behind it.
    ///   - pageSize: rows of one answer; nothing for the service's own number.
    ///   - each: may throw to end the listing.
    /// - Throws: what `each` throws; `damaged` for a listing that does not go on.
    package func list(
        prefix: ByteString, after start: ByteString? = nil, pageSize: Int? = nil,
        _ each: (ListedObject) throws(Fault) -> Void
    ) throws(Fault) {
        var token: String?
        while true {
            var query: [HTTPRequest.QueryItem] = [
                .init("list-type", "2"), .init("encoding-type", "url"), .init("prefix", Self.text(prefix)),
            ]
            if let token {
                query.append(.init("continuation-token", token))
            } else if let start {
                query.append(.init("start-after", Self.text(start)))
            }
            if let pageSize { query.append(.init("max-keys", "\(pageSize)")) }
            let (rows, root, isTruncated) = try page(query, root: "ListBucketResult", rows: ["Contents"])
            for row in rows {
                try each(
                    ListedObject(
                        key: try listedKey(row.text("Key") ?? "", root), size: try size(row),
                        modified: try modified(row), etag: S3ObjectInfo.unquoted(row.text("ETag") ?? ""),
                        storageClass: row.text("StorageClass") ?? "STANDARD"))
            }
            guard isTruncated else { return }
            guard let next = root.text("NextContinuationToken"), next != token else {
                throw Fault(.damaged, "\(name()): the listing does not go on")
            }
            token = next
        }
    }

    /// The first key with a prefix, behind `start`; nothing where there is none.
    package func firstKey(prefix: ByteString, after start: ByteString? = nil) throws(Fault) -> ByteString? {
        var key: ByteString?
        do throws(Fault) {
            try list(prefix: prefix, after: start, pageSize: 1) { row throws(Fault) in
                key = row.key
                throw Fault(.exists, "one is enough")
            }
        } catch { if key == nil { throw error } }
        return key
    }

    /// ListObjectVersions, all pages: versions and delete markers as the service orders them.
    package func versions(
        prefix: ByteString, pageSize: Int? = nil, _ each: (ListedVersion) throws(Fault) -> Void
    ) throws(Fault) {
        var (keyMarker, versionMarker): (String?, String?) = (nil, nil)
        while true {
            var query: [HTTPRequest.QueryItem] = [
                .init("versions"), .init("encoding-type", "url"), .init("prefix", Self.text(prefix)),
            ]
            if let keyMarker { query.append(.init("key-marker", keyMarker)) }
            if let versionMarker { query.append(.init("version-id-marker", versionMarker)) }
            if let pageSize { query.append(.init("max-keys", "\(pageSize)")) }
            let (rows, root, isTruncated) = try page(
                query, root: "ListVersionsResult", rows: ["Version", "DeleteMarker"])
            var last: (key: String, version: String)?
            for row in rows {
                let isMarker = row.name == "DeleteMarker"
                let key = try listedKey(row.text("Key") ?? "", root)
                last = (Self.text(key), row.text("VersionId") ?? "null")
                try each(
                    ListedVersion(
                        key: key, version: row.text("VersionId") ?? "null",
                        isLatest: row.text("IsLatest") == "true", isDeleteMarker: isMarker,
                        size: isMarker ? 0 : try size(row), modified: try modified(row),
                        etag: S3ObjectInfo.unquoted(row.text("ETag") ?? ""),
                        storageClass: row.text("StorageClass") ?? "STANDARD"))
            }
            guard isTruncated else { return }
            // Not NextKeyMarker: Ceph encodes it unlike the keys.
            guard let last, last.key != keyMarker || last.version != versionMarker else {
                throw Fault(.damaged, "\(name()): the listing does not go on")
            }
            (keyMarker, versionMarker) = (last.key, last.version)
        }
    }

    /// One page, read as it arrives; its rows are given out when it is whole, so that another attempt repeats none.
    private func page(_ query: [HTTPRequest.QueryItem], root: String, rows names: Set<String>) throws(Fault)
        -> (rows: [XMLElement], root: XMLElement, isTruncated: Bool)
    {
        var rows: [XMLElement] = []
        var size = 0
        let root = try perform(S3Call(.get, query: query, roots: [root])) {
            (rows, size) = ([], 0)
            return XMLReader(rows: names) { row throws(Fault) in
                size += row.size
                guard rows.count < Self.maximumRows, size <= Self.maximumSize else {
                    throw Fault(
                        .limit,
                        "a page of the listing has more than \(Self.maximumRows) rows or \(Self.maximumSize) bytes")
                }
                rows.append(row)
            }
        }.document
        // Only what says that it is whole is taken for that.
        switch root.text("IsTruncated") {
        case "true": return (rows, root, true)
        case "false": return (rows, root, false)
        default: throw Fault(.damaged, "\(name()): the listing does not say whether it goes on")
        }
    }

    /// The API gives at most 1000; another server may have another limit.
    private static let maximumRows = 100_000
    /// Bytes in memory: a row of the longest key takes less than 5 KiB.
    private static let maximumSize = 32 << 20

    /// A key of a listing, which the service percent-encodes where it says so; some also write a space as `+`.
    func listedKey(_ text: String, _ root: XMLElement) throws(Fault) -> ByteString {
        guard root.text("EncodingType") == "url" else { return ByteString(text) }
        let plain = text.split(separator: "+", omittingEmptySubsequences: false).joined(separator: " ")
        guard let bytes = PercentEncoding.decode(plain) else {
            throw Fault(.damaged, "\(name()): the listing has a key '\(ByteString(text))' with a broken escape")
        }
        return ByteString(bytes: bytes)
    }

    package static func text(_ bytes: ByteString) -> String { String(decoding: bytes.bytes, as: UTF8.self) }

    private func size(_ row: XMLElement) throws(Fault) -> Int64 {
        guard let size = row.text("Size").flatMap({ Int64($0) }), size >= 0 else {
            throw Fault(.damaged, "\(name()): the listing has an object without a size")
        }
        return size
    }

    private func modified(_ row: XMLElement) throws(Fault) -> Timestamp {
        guard let moment = row.text("LastModified").flatMap({ Timestamp(iso8601: $0) }) else {
            throw Fault(.damaged, "\(name()): the listing has an object without a date")
        }
        return moment
    }
}
