import Codec
import Ledger
package import Platform

/// What an attempt at a host leaves for the next one: which files are staged whole, and how far the large ones are.
///
/// It is a hint that has to be proved: nothing of it is synced, and what it says about staged bytes counts only when they
/// still have the digest that it names. Rows lie in key order, so that they merge with the walk as a stream.
package final class CollectionJournal: Sendable {
    /// How far a large file has come.
    struct Prefix: Sendable {
        let size: Int64
        let modified: Timestamp
        /// Bytes from the start, and their digest.
        let count: Int64
        let sha256: Digest256
    }

    /// Bytes of a large file between two notes about it.
    static let prefixStep: Int64 = 64 << 20
    /// Rows that may be lost with the process.
    private static let rowsKept = 500

    private let directory: Directory
    private let host: String
    private let prefixes: Monitor<[ByteString: Prefix]>
    private let prefixFile: Handed<File>
    private let writer: Handed<EntryListWriter>
    private let unflushed = Monitor((rows: 0, bytes: Int64(0)))

    private static func names(_ host: String) -> (rows: ByteString, next: ByteString, prefixes: ByteString) {
        (ByteString(".\(host).journal"), ByteString(".\(host).journal.next"), ByteString(".\(host).prefixes"))
    }

    /// Opens the journal of a host, which may have been begun by an attempt before.
    ///
    /// - Throws: the system's fault.
    package init(_ host: String, in directory: Directory) throws(Fault) {
        self.directory = directory
        self.host = host
        let names = Self.names(host)
        try Self.join(names.next, to: names.rows, in: directory)
        prefixes = Monitor(try Self.readPrefixes(names.prefixes, in: directory))
        prefixFile = Handed(try directory.appendFile(names.prefixes))
        let next = Handed(try directory.createFile(names.next))
        // Small enough, and mostly removed unread.
        writer = Handed(try EntryListWriter(next.value, level: 1))
    }

    /// Whether an attempt has left something.
    package static func exists(_ host: String, in directory: Directory) throws(Fault) -> Bool {
        let names = names(host)
        for name in [names.rows, names.next, names.prefixes] where try directory.exists(name) { return true }
        return false
    }

    /// Removes the journal of a host, once it is done or begins anew.
    package static func remove(_ host: String, in directory: Directory) throws(Fault) {
        let names = names(host)
        for name in [names.rows, names.next, names.prefixes] { try directory.removeIfPresent(name) }
    }

    // MARK: Rows

    /// Gives the rows of the attempts before, in key order, then nothing; a torn end counts as the end.
    func earlier() throws(Fault) -> () -> EntryList.Row? {
        try Self.rows(Self.names(host).rows, in: directory)
    }

    private static func rows(_ name: ByteString, in directory: Directory) throws(Fault) -> () -> EntryList.Row? {
        guard try directory.exists(name),
            let reader = try? EntryListReader(FileSource(try directory.openFile(name)))
        else { return { nil } }
        return { (try? reader.next()) ?? nil }
    }

    /// Notes a file that is staged whole; called in key order, by one thread.
    func note(_ row: EntryList.Row) throws(Fault) {
        try writer.value.write(row)
        let isDue = unflushed.with { count in
            count = (count.rows + 1, count.bytes + row.entry.size)
            guard count.rows >= Self.rowsKept || count.bytes >= Self.prefixStep else { return false }
            count = (0, 0)
            return true
        }
        if isDue { try writer.value.flush() }
    }

    /// Brings what was noted into the file.
    func flush() throws(Fault) { try writer.value.flush() }

    /// Merges what the last attempt noted into what those before it did; of two rows of one key the newer one stays.
    private static func join(_ newer: ByteString, to older: ByteString, in directory: Directory) throws(Fault) {
        guard try directory.exists(newer) else { return }
        if try directory.exists(older) {
            let joined = try PendingFile(older, in: directory)
            let writer = try EntryListWriter(joined.file)
            let (first, second) = (try rows(older, in: directory), try rows(newer, in: directory))
            var (old, new) = (first(), second())
            while old != nil || new != nil {
                if let row = new, old.map({ !($0.entry.key < row.entry.key) }) ?? true {
                    try writer.write(row)
                    if old?.entry.key == row.entry.key { old = first() }
                    new = second()
                } else if let row = old {
                    try writer.write(row)
                    old = first()
                }
            }
            _ = try writer.finish()
            try joined.commit()
            try directory.remove(newer)
        } else {
            try directory.rename(newer, to: older)
        }
    }

    // MARK: Large files

    func prefix(of key: ByteString) -> Prefix? { prefixes.with { $0[key] } }

    /// Notes how far a large file is; called by any thread.
    func note(_ prefix: Prefix, of key: ByteString) throws(Fault) {
        var row = RowWriter()
        row.field(key)
        row.field(prefix.size)
        row.field(prefix.modified)
        row.field(prefix.count)
        row.field(prefix.sha256)
        row.endRow()
        // One write with O_APPEND: rows of several threads stay whole.
        try prefixFile.value.write(row.bytes)
    }

    private static func readPrefixes(_ name: ByteString, in directory: Directory) throws(Fault)
        -> [ByteString: Prefix]
    {
        var prefixes: [ByteString: Prefix] = [:]
        guard try directory.exists(name) else { return prefixes }
        let source = try FileSource(try directory.openFile(name))
        let reader = RowReader(RangesStream(source, [0..<source.size]))
        // A torn last row is the end.
        while (try? reader.next()) == true {
            guard let key = try? reader.bytes(0), let size = try? reader.int(1),
                let modified = try? reader.timestamp(2),
                let count = try? reader.int(3), let digest = try? reader.digest(4), count > 0, count <= size
            else { break }
            prefixes[key] = Prefix(size: size, modified: modified, count: count, sha256: digest)
        }
        return prefixes
    }
}
