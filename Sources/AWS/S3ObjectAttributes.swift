/// What GetObjectAttributes says.
package struct S3ObjectAttributes: Sendable, Equatable {
    package struct Part: Sendable, Equatable {
        package var number: Int
        package var size: Int64
        /// Base64.
        package var checksumSHA256: String?
    }

    package var etag: String
    package var size: Int64
    package var storageClass: String
    /// Base64; of all bytes, or of the parts' digests where `checksumType` is `COMPOSITE`.
    package var checksumSHA256: String?
    package var checksumType: String?
    package var parts: [Part]

    init(_ root: XMLElement) {
        etag = S3ObjectInfo.unquoted(root.text("ETag") ?? "")
        size = root.text("ObjectSize").flatMap { Int64($0) } ?? 0
        storageClass = root.text("StorageClass") ?? "STANDARD"
        checksumSHA256 = root["Checksum"]?.text("ChecksumSHA256")
        checksumType = root["Checksum"]?.text("ChecksumType")
        parts = (root["ObjectParts"]?.all("Part") ?? []).map { part in
            Part(
                number: part.text("PartNumber").flatMap { Int($0) } ?? 0,
                size: part.text("Size").flatMap { Int64($0) } ?? 0, checksumSHA256: part.text("ChecksumSHA256"))
        }
    }
}
