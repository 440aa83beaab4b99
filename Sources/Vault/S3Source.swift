package import AWS
package import Platform

/// An object of a bucket, read in ranges; it must stay the one that was opened.
///
/// A request takes as long as some hundred KiB on the line. So a small read fetches more than it wants, and ever more as
/// long as the next ones go on where the last has ended; it is kept for them. A large read is one request of its own.
package final class S3Source: RangedSource {
    private let client: S3Client
    private let key: ByteString
    private let etag: String?
    package let size: Int64

    /// What was fetched last.
    private struct Ahead {
        var bytes: [UInt8] = []
        var start: Int64 = 0
        var end: Int64 { start + Int64(bytes.count) }
        /// Bytes that the next request fetches at the least.
        var step = S3Source.firstStep
    }
    private let ahead = Monitor(Ahead())

    private static let firstStep = 256 << 10
    private static let largestStep = 4 << 20

    package init(_ client: S3Client, _ key: ByteString, _ info: S3ObjectInfo) {
        self.client = client
        self.key = key
        etag = info.etag.isEmpty ? nil : info.etag
        size = info.size
    }

    package var name: String { client.name(key) }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let wanted = Int(min(Int64(buffer.count), size - offset))
        guard wanted > 0 else { return 0 }
        if wanted >= Self.firstStep * 4 { return try fetch(into: buffer, offset..<offset + Int64(wanted)) }
        return try ahead.with { (ahead: inout Ahead) throws(Fault) -> Int in
            if !(ahead.start..<ahead.end).contains(offset) {
                ahead.step = offset == ahead.end && offset > 0 ? min(ahead.step * 4, Self.largestStep) : Self.firstStep
                let count = Int(min(Int64(max(wanted, ahead.step)), size - offset))
                var bytes: [UInt8] = []
                bytes.reserveCapacity(count)
                try client.get(key, offset..<offset + Int64(count), etag: etag) { bytes.append(contentsOf: $0) }
                (ahead.bytes, ahead.start) = (bytes, offset)
            }
            let place = Int(offset - ahead.start)
            let count = min(wanted, ahead.bytes.count - place)
            ahead.bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[place..<(place + count)]))
            }
            return count
        }
    }

    private func fetch(into buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int64>) throws(Fault) -> Int {
        var done = 0
        try client.get(key, range, etag: etag) { bytes in
            UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyMemory(from: bytes)
            done += bytes.count
        }
        return done
    }
}
