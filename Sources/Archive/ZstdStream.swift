import CArchive
import Platform

/// zstd data (RFC 8878), which libarchive has libzstd unpack and check; it refuses windows of more than 128 MiB.
final class ZstdStream: ByteStream {
    private let archive: OpaquePointer
    private let feed: Feed

    /// What libarchive calls back; it keeps the fault, since a C callback can't throw.
    private final class Feed {
        let source: any RangedSource
        let buffer = Buffer(capacity: 256 << 10)
        var offset: Int64 = 0
        var fault: Fault?
        init(_ source: any RangedSource) { self.source = source }

        func fill() throws(Fault) {
            buffer.count = try source.read(into: buffer.bytes, at: offset)
            offset += Int64(buffer.count)
            if buffer.count == 0 && offset < source.size {
                throw Fault(.changed, "\(source.name): ends at \(offset), expected \(source.size) bytes")
            }
        }
    }

    /// - Throws: `damaged` where the beginning is; `limit` when there is no memory; what the source throws.
    init(_ source: any RangedSource) throws(Fault) {
        guard let archive = archive_read_new() else { throw Fault(.limit, "no memory to read \(source.name)") }
        self.archive = archive
        feed = Feed(source)
        archive_read_support_filter_zstd(archive)
        archive_read_support_format_raw(archive)
        let opened = archive_read_open(
            archive, Unmanaged.passUnretained(feed).toOpaque(), nil,
            { _, context, bytes in
                guard let context else { return -1 }
                let feed = Unmanaged<Feed>.fromOpaque(context).takeUnretainedValue()
                do { try feed.fill() } catch {
                    feed.fault = .wrapping(error)
                    return -1
                }
                bytes?.pointee = UnsafeRawPointer(feed.buffer.bytes.baseAddress)
                return feed.buffer.count
            }, nil)
        guard opened == ARCHIVE_OK else { throw failure() }
        var entry: OpaquePointer?
        let code = archive_read_next_header(archive, &entry)
        guard code == ARCHIVE_OK else { throw failure() }
        // Without its filter the data would come as it is.
        guard archive_filter_count(archive) > 1 else {
            throw Fault(.unsupported, "\(source.name): libarchive reads no zstd here")
        }
    }

    deinit { archive_read_free(archive) }

    var name: String { feed.source.name }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        let count = archive_read_data(archive, buffer.baseAddress, buffer.count)
        guard count >= 0 else { throw failure() }
        return count
    }

    private func failure() -> Fault {
        if let fault = feed.fault { return fault }
        let words = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
        return Fault(.damaged, "\(name): at about byte \(feed.offset): \(words)")
    }
}
