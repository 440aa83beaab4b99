import HTTP
import Platform

/// Takes a range of an object over as many transfers as it needs, and makes sure that each goes on where the last ended.
final class RangeSink: HTTPSink {
    private let range: Range<Int64>
    private let name: String
    private let take: (UnsafeRawBufferPointer) throws(Fault) -> Void
    /// Where the next byte belongs in the object.
    private(set) var offset: Int64
    /// What the object must be from the second transfer on at the latest.
    private(set) var etag: String?
    /// What the first answer said.
    private(set) var info: S3ObjectInfo?

    init(
        _ range: Range<Int64>, etag: String?, name: String,
        _ take: @escaping (UnsafeRawBufferPointer) throws(Fault) -> Void
    ) {
        self.range = range
        self.name = name
        self.take = take
        offset = range.lowerBound
        self.etag = etag
    }

    func begin(_ head: HTTPResponse) throws(Fault) {
        var found = S3ObjectInfo(head)
        if head.status == 206 {
            guard let (start, size) = Self.contentRange(head.headers["Content-Range"] ?? ""), start == offset else {
                throw Fault(.damaged, "\(name): the answer is another range than the one from \(offset) on")
            }
            found.size = size
        } else if offset != 0 || range.upperBound < found.size {
            throw Fault(.unsupported, "\(name): the server does not answer with the range that was asked for")
        }
        // A server that doesn't know If-Match gives whatever is there now.
        let isOther = etag.map { !found.etag.isEmpty && found.etag != $0 } ?? false
        guard !isOther, info.map({ $0.size == found.size }) ?? true else {
            throw Fault(.changed, "\(name): has been replaced while it was read")
        }
        if info == nil { info = found }
        if etag == nil, !found.etag.isEmpty { etag = found.etag }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        guard offset + Int64(bytes.count) <= range.upperBound else {
            throw Fault(.damaged, "\(name): more bytes than were asked for have arrived")
        }
        try take(bytes)
        offset += Int64(bytes.count)
    }

    /// Start and size of the whole in `bytes 0-9/443`.
    private static func contentRange(_ text: String) -> (start: Int64, size: Int64)? {
        guard text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst("bytes ".count).split(separator: "/")
        guard parts.count == 2, let size = Int64(parts[1]),
            let start = parts[0].split(separator: "-").first.flatMap({ Int64($0) })
        else { return nil }
        return (start, size)
    }
}
