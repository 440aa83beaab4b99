import CArchive
import Glibc
package import Ledger
package import Platform

/// Reads tar through libarchive from bytes that are inflated already.
///
/// The compression is ours to undo: libarchive checks neither the CRC nor the length of gzip data. One thread at a time.
package final class TarReader {
    private let archive: OpaquePointer
    private let feed: Feed
    private var hasEnded = false
    private var hasEntry = false
    private let warn: (String) -> Void

    /// What libarchive calls back; it keeps the fault, since a C callback can't throw.
    private final class Feed {
        let stream: any ByteStream
        let buffer = Buffer(capacity: 256 << 10)
        /// Bytes given to libarchive in all.
        var given: Int64 = 0
        /// How many of them there may be: while headers are read, not without end.
        var limit = Int64.max
        var fault: Fault?
        init(_ stream: any ByteStream) { self.stream = stream }
    }

    /// Bytes of the headers of one entry, at the most, and of the map of a file with holes.
    ///
    /// libarchive holds a map in memory, however long it is, at twelve times its size.
    private static let longestHeader: Int64 = 16 << 20

    /// The locale C, in which headers are read.
    ///
    /// No name can be converted in it, so that all come as the bytes they are, with a warning. Where libarchive does convert, it composes too, and `e` with an accent behind it is another name then.
    private let locale = newlocale(1 << LC_CTYPE, "C", nil)

    /// Begins at the first entry.
    ///
    /// - Parameters:
    ///   - stream: the bytes of the tar.
    ///   - warn: is told what an entry has that can't be kept: an owner beyond 32 bits.
    /// - Throws: `limit` when there is no memory; what the stream throws.
    package init(_ stream: any ByteStream, warn: @escaping (String) -> Void = { _ in }) throws(Fault) {
        guard let archive = archive_read_new() else { throw Fault(.limit, "no memory for a tar reader") }
        self.archive = archive
        self.warn = warn
        feed = Feed(stream)
        archive_read_support_format_tar(archive)
        let opened = archive_read_open(
            archive, Unmanaged.passUnretained(feed).toOpaque(), nil,
            { _, context, bytes in
                guard let context else { return -1 }
                let feed = Unmanaged<Feed>.fromOpaque(context).takeUnretainedValue()
                do {
                    guard feed.given < feed.limit else {
                        throw Fault(
                            .limit,
                            "\(feed.stream.name): an entry with more than \(TarReader.longestHeader >> 20) MiB of headers"
                        )
                    }
                    let count = try feed.stream.read(into: feed.buffer.bytes)
                    feed.buffer.count = count
                    feed.given += Int64(count)
                    bytes?.pointee = UnsafeRawPointer(feed.buffer.bytes.baseAddress)
                    return count
                } catch {
                    feed.fault = .wrapping(error)
                    return -1
                }
            }, nil)
        guard opened == ARCHIVE_OK else { throw failure("open") }
    }

    deinit {
        archive_read_free(archive)
        freelocale(locale)
    }

    /// The next entry, its name in the tar as key; nothing at the end.
    ///
    /// At the end the stream is read on to its own end: what stands behind the tar must be zeros.
    /// - Throws: `damaged` where the tar is.
    package func next() throws(Fault) -> Entry? {
        guard !hasEnded else { return nil }
        // What is left of the entry before is passed over first, so that only headers are counted.
        if hasEntry {
            let skipped = archive_read_data_skip(archive)
            guard skipped == ARCHIVE_OK || skipped == ARCHIVE_EOF || skipped == ARCHIVE_WARN else {
                throw failure("read content")
            }
        }
        var pointer: OpaquePointer?
        feed.limit = feed.given + Self.longestHeader
        let before = uselocale(locale)
        let code = archive_read_next_header(archive, &pointer)
        uselocale(before)
        feed.limit = .max
        hasEntry = true
        if code == ARCHIVE_EOF {
            hasEnded = true
            try drain()
            return nil
        }
        guard code == ARCHIVE_OK || code == ARCHIVE_WARN, let entry = pointer else { throw failure("read a header") }
        guard let name = archive_entry_pathname(entry) else {
            throw Fault(.damaged, "\(feed.stream.name): an entry's name can't be read")
        }
        var link = ByteString()
        let kind: EntryKind
        if let target = archive_entry_hardlink(entry) {
            kind = .hardLink
            link = ByteString(cString: target)
        } else {
            // The S_IF* values of inode(7); Glibc's and CArchive's names for them are ambiguous.
            switch archive_entry_filetype(entry) {
            case 0o100000: kind = .file
            case 0o040000: kind = .directory
            case 0o120000:
                kind = .symlink
                link = archive_entry_symlink(entry).map { ByteString(cString: $0) } ?? link
            case 0o010000: kind = .fifo
            case 0o140000: kind = .socket
            case 0o060000: kind = .blockDevice
            case 0o020000: kind = .characterDevice
            default: kind = .unknown
            }
        }
        let key = ByteString(cString: name)
        return Entry(
            key: key, kind: kind, size: kind == .file ? archive_entry_size(entry) : 0,
            modified: Timestamp(
                seconds: Int64(archive_entry_mtime(entry)), nanoseconds: UInt32(archive_entry_mtime_nsec(entry))),
            mode: UInt32(archive_entry_perm(entry)) & 0o7777, uid: owner("user", archive_entry_uid(entry), key),
            gid: owner("group", archive_entry_gid(entry), key), link: link)
    }

    /// A number of a user or group; one that this system can't have becomes the greatest number, which chown(2) takes for
    /// "as it is", as in GNU tar.
    private func owner(_ what: String, _ number: la_int64_t, _ key: ByteString) -> UInt32 {
        if let number = UInt32(exactly: number) { return number }
        warn("'\(key)': its \(what) \(number) is beyond \(UInt32.max), the greatest that there can be")
        return UInt32.max
    }

    /// Reads the content of the current entry: pieces with their offsets; between them are holes.
    package func readContent(_ body: (UnsafeRawBufferPointer, _ offset: Int64) throws(Fault) -> Void) throws(Fault) {
        while true {
            var bytes: UnsafeRawPointer?
            var count = 0
            var offset: la_int64_t = 0
            let code = archive_read_data_block(archive, &bytes, &count, &offset)
            if code == ARCHIVE_EOF { return }
            guard code == ARCHIVE_OK || code == ARCHIVE_WARN else { throw failure("read content") }
            if count > 0 { try body(UnsafeRawBufferPointer(start: bytes, count: count), Int64(offset)) }
        }
    }

    /// Reads the content of the current entry for `write`, and tells what reading ends with from what `write` does.
    ///
    /// - Parameters:
    ///   - write: takes pieces as ``readContent(_:)`` gives them.
    ///   - unreadable: becomes the fault when it is reading that fails; no further entry can be read then.
    /// - Throws: as ``readContent(_:)``.
    func copyContent(
        to write: (UnsafeRawBufferPointer, _ offset: Int64) throws(Fault) -> Void, unreadable: inout Fault?
    ) throws(Fault) {
        var isRefused = false
        do throws(Fault) {
            try readContent { (piece: UnsafeRawBufferPointer, offset: Int64) throws(Fault) in
                do throws(Fault) { try write(piece, offset) } catch {
                    isRefused = true
                    throw error
                }
            }
        } catch {
            if !isRefused { unreadable = error }
            throw error
        }
    }

    /// Where the headers of the current entry begin in the tar; at the end, where its closing blocks do.
    package var headerPosition: Int64 { Int64(archive_read_header_position(archive)) }

    /// Whether two blocks of zeros closed the tar; known at its end.
    ///
    /// libarchive, like GNU tar, takes a tar that just ends for whole.
    package var isClosed: Bool { hasEnded && feed.given - headerPosition >= 1_024 }

    /// What to say of a tar that is not closed.
    package var unclosed: String {
        "\(feed.stream.name): ends without the two blocks of zeros that close a tar: it may be cut off"
    }

    private func drain() throws(Fault) {
        // libarchive has read ahead: first what it has been given and has not used.
        let unused = min(feed.given - Int64(archive_filter_bytes(archive, 0)), Int64(feed.buffer.count))
        var rest = feed.buffer.contents.suffix(Int(max(0, unused)))
        repeat {
            guard rest.allSatisfy({ $0 == 0 }) else {
                throw Fault(.damaged, "\(feed.stream.name): bytes that are no tar stand behind the end of the tar")
            }
            feed.buffer.count = try feed.stream.read(into: feed.buffer.bytes)
            rest = feed.buffer.contents[...]
        } while !rest.isEmpty
    }

    private func failure(_ operation: String) -> Fault {
        if let fault = feed.fault { return fault }
        let words = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
        return Fault(.damaged, "\(feed.stream.name): \(operation): \(words)")
    }
}
