package import AWS
package import Platform

/// An object of a bucket, read in ranges; it must stay the one that was opened.
package final class S3Source: RangedSource {
    private let client: S3Client
    private let key: ByteString
    private let etag: String?
    package let size: Int64

    package init(_ client: S3Client, _ key: ByteString, _ info: S3ObjectInfo) {
        self.client = client
        self.key = key
        etag = info.etag.isEmpty ? nil : info.etag
        size = info.size
    }

    package var name: String { client.name(key) }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let wanted = min(Int64(buffer.count), size - offset)
        guard wanted > 0 else { return 0 }
        var done = 0
        try client.get(key, offset..<offset + wanted, etag: etag) { bytes in
            UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyMemory(from: bytes)
            done += bytes.count
        }
        return done
    }
}
