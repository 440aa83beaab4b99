import CArchive
import Glibc
package import Ledger
package import Platform

/// Writes pax tar through libarchive, unbuffered: what libarchive makes reaches `sink` in the call that makes it.
///
/// An archive that is not finished is marked as failed before it is freed, since `archive_write_free` would else seal it
/// so that it looks whole. One thread at a time.
package final class TarWriter {
    private let archive: OpaquePointer
    private let entry: OpaquePointer
    private let sink: Sink
    private var isFinished = false

    /// Takes the tar bytes; a fault stops the archive.
    package typealias Write = (UnsafeRawBufferPointer) throws(Fault) -> Void

    /// What libarchive calls back; it keeps the fault, since a C callback can't throw.
    private final class Sink {
        let write: Write
        var fault: Fault?
        init(_ write: @escaping Write) { self.write = write }
    }

    /// Names in tar headers are UTF-8 where they are valid, and bytes with `hdrcharset=BINARY` where not; libarchive
    /// decides that by the locale.
    private static let hasLocale: Bool = setlocale(LC_CTYPE, "C.UTF-8") != nil

    package init(_ write: @escaping Write) throws(Fault) {
        guard Self.hasLocale else { throw Fault(.unsupported, "the locale C.UTF-8 is missing on this machine") }
        guard let archive = archive_write_new() else { throw Fault(.limit, "no memory for a tar writer") }
        guard let entry = archive_entry_new() else {
            archive_write_free(archive)
            throw Fault(.limit, "no memory for a tar entry")
        }
        self.archive = archive
        self.entry = entry
        sink = Sink(write)
        try check(archive_write_set_format_pax(archive), "start")
        try check(archive_write_add_filter_none(archive), "start")
        // 0: no blocking, so that the bytes of a header arrive before the first byte of its content.
        try check(archive_write_set_bytes_per_block(archive, 0), "start")
        let opened = archive_write_open(
            archive, Unmanaged.passUnretained(sink).toOpaque(), nil,
            { _, context, bytes, count in
                guard let context else { return -1 }
                let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
                do {
                    try sink.write(UnsafeRawBufferPointer(start: bytes, count: count))
                    return count
                } catch {
                    sink.fault = .wrapping(error)
                    return -1
                }
            }, nil)
        try check(opened, "start")
    }

    deinit {
        if !isFinished { archive_write_fail(archive) }
        archive_entry_free(entry)
        archive_write_free(archive)
    }

    /// A time as it is written: before 1970 in whole seconds.
    ///
    /// For one and a half seconds before 1970 libarchive would write `-2.5`, its -2 with half a second behind; it reads
    /// that back, but GNU tar and Python read a second too early.
    package static func kept(_ moment: Timestamp) -> Timestamp {
        moment.seconds < 0 ? Timestamp(seconds: moment.seconds) : moment
    }

    /// Begins an entry: its headers are written.
    ///
    /// - Parameters:
    ///   - name: the name inside the tar.
    ///   - source: the kind, size, mode, owner and time; its key and link are not used.
    ///   - link: the target of a symbolic link, or the name of a hard link's first.
    ///   - sparse: the ranges that hold data, for a file with holes.
    /// - Throws: what the sink throws; `io`, with libarchive's words, when libarchive refuses the entry.
    package func begin(_ name: ByteString, _ source: Entry, link: ByteString, sparse: [Range<Int64>]?) throws(Fault) {
        archive_entry_clear(entry)
        name.withCString { archive_entry_copy_pathname(entry, $0) }
        archive_entry_set_mtime(entry, time_t(source.modified.seconds), Int(source.modified.nanoseconds))
        archive_entry_set_perm(entry, mode_t(source.mode))
        archive_entry_set_uid(entry, la_int64_t(source.uid))
        archive_entry_set_gid(entry, la_int64_t(source.gid))
        switch source.kind {
        case .directory:
            archive_entry_set_filetype(entry, carchive_type_directory())
            archive_entry_set_size(entry, 0)
        case .symlink:
            archive_entry_set_filetype(entry, carchive_type_symlink())
            link.withCString { archive_entry_copy_symlink(entry, $0) }
            archive_entry_set_size(entry, 0)
        case .hardLink:
            archive_entry_set_filetype(entry, carchive_type_file())
            link.withCString { archive_entry_copy_hardlink(entry, $0) }
            archive_entry_set_size(entry, 0)
        default:
            archive_entry_set_filetype(entry, carchive_type_file())
            archive_entry_set_size(entry, source.size)
            if let sparse {
                for range in sparse {
                    archive_entry_sparse_add_entry(entry, range.lowerBound, range.upperBound - range.lowerBound)
                }
                // A file that is one hole has no data range; an empty one at its end tells libarchive so.
                if sparse.isEmpty { archive_entry_sparse_add_entry(entry, source.size, 0) }
            }
        }
        // libarchive takes a name that can't be converted for a lack of memory when errno says so, from whatever call
        // before (archive_write_set_format_pax.c).
        errno = 0
        let code = archive_write_header(archive, entry)
        // A warning is how libarchive says that a name is not UTF-8 and was written as bytes.
        if code != ARCHIVE_WARN { try check(code, "write the header of '\(name)'") }
    }

    /// Writes content of the current entry; for a sparse file the bytes of holes too, which libarchive passes over.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        var done = 0
        while done < bytes.count {
            let count = archive_write_data(archive, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            guard count > 0 else { throw failure("write content") }
            done += count
        }
    }

    /// Ends the current entry: its padding is written.
    package func end() throws(Fault) { try check(archive_write_finish_entry(archive), "end an entry") }

    /// Ends the archive with two blocks of zeros.
    package func finish() throws(Fault) {
        try check(archive_write_close(archive), "end the tar")
        isFinished = true
    }

    private func check(_ code: Int32, _ operation: String) throws(Fault) {
        if code != ARCHIVE_OK { throw failure(operation) }
    }

    private func failure(_ operation: String) -> Fault {
        if let fault = sink.fault { return fault }
        let words = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
        return Fault(.io, "tar: \(operation): \(words)")
    }
}
