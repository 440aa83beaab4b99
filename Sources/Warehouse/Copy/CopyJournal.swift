import Codec
package import Platform

/// What became of the objects of one pass over a manifest, in the manifest's order: the memory of copies that outlives
/// the process.
///
/// Two tables: what earlier attempts noted, and what this one adds row by row. Both are in key order, so they merge as
/// streams, whatever their length. A kill loses the rows since the last sync, and these copies are found by HEAD.
package final class CopyJournal {
    package struct Row: Sendable, Equatable {
        package enum State: String, Sendable, CaseIterable {
            case copied, vanished, archived, changed, failed
        }
        package var key: ByteString
        package var state: State
        /// Where the copy is; for one that failed, why.
        package var object: ByteString
        /// Of the copy.
        package var etag: String
        /// The ETag of what was to be copied: a plan that was made anew may want other content of the key.
        package var source: String

        package init(
            key: ByteString, state: State, object: ByteString = ByteString(), etag: String = "", source: String = ""
        ) {
            self.key = key
            self.state = state
            self.object = object
            self.etag = etag
            self.source = source
        }
    }

    /// Rows between two syncs, at the most, and the seconds.
    private static let batch = (rows: 1_000, seconds: 2.0)

    private let directory: Directory
    private let name: ByteString
    private let next: ByteString
    private var file: File?
    private var row = RowWriter()
    private var unsynced = 0
    private var synced = Clock.monotonic()

    /// Opens a journal, and makes one table of what earlier attempts left.
    package init(_ name: ByteString, in directory: Directory) throws(Fault) {
        self.directory = directory
        self.name = name
        next = name + ".next"
        try join()
    }

    /// Reads the rows of earlier attempts in key order.
    package func reader() throws(Fault) -> Reader { try Reader(name, in: directory) }

    /// Notes a row; keys come in their order.
    package func write(_ journalRow: Row) throws(Fault) {
        Self.put(journalRow, to: &row)
        unsynced += 1
        if unsynced >= Self.batch.rows || Clock.monotonic() - synced > Self.batch.seconds { try sync() }
    }

    private static func put(_ row: Row, to writer: inout RowWriter) {
        writer.field(row.key)
        writer.field(row.state.rawValue)
        writer.field(row.object)
        writer.field(row.etag)
        writer.field(row.source)
        writer.endRow()
    }

    /// Brings what was noted to stable storage.
    package func sync() throws(Fault) {
        guard unsynced > 0 else { return }
        if file == nil { file = try directory.appendFile(next) }
        guard let open = file else { return }
        try open.write(row.bytes)
        try open.sync()
        row.clear()
        (unsynced, synced) = (0, Clock.monotonic())
    }

    /// Ends a pass: from now on ``reader()`` reads its rows, too.
    package func finish() throws(Fault) {
        try sync()
        try file?.close()
        file = nil
        try join()
    }

    /// Removes the journal, once a record tells more than it.
    package func remove() throws(Fault) {
        try file?.close()
        file = nil
        for name in [next, name] { try directory.removeIfPresent(name) }
        try directory.sync()
    }

    /// Merges what was added into the table; killed anywhere, it does the same again.
    private func join() throws(Fault) {
        guard try directory.exists(next) else { return }
        let (old, new) = (try Reader(name, in: directory), try Reader(next, in: directory))
        let pending = try PendingFile(name, in: directory)
        var writer = RowWriter()
        func put(_ row: Row) throws(Fault) {
            Self.put(row, to: &writer)
            if writer.bytes.count > 1 << 18 {
                try pending.file.write(writer.bytes)
                writer.clear()
            }
        }
        var (one, two) = (try old.next(), try new.next())
        while true {
            if let older = one, two.map({ older.key < $0.key }) ?? true {
                try put(older)
                one = try old.next()
            } else if let newer = two {
                if one?.key == newer.key { one = try old.next() }
                try put(newer)
                two = try new.next()
            } else {
                break
            }
        }
        try pending.file.write(writer.bytes)
        try pending.commit()
        try directory.removeIfPresent(next)
        try directory.sync()
    }

    /// Reads a table of the journal, of which a crash may have cut the last row.
    package final class Reader {
        private let reader: RowReader?
        private var ahead: Row?

        init(_ name: ByteString, in directory: Directory) throws(Fault) {
            guard try directory.exists(name) else {
                reader = nil
                return
            }
            let source = try FileSource(try directory.openFile(name))
            reader = RowReader(RangesStream(source, [0..<(try Self.end(source))]))
        }

        /// The end of the last whole row.
        private static func end(_ source: FileSource) throws(Fault) -> Int64 {
            let buffer = Buffer(capacity: 64 << 10)
            var end = source.size
            while end > 0 {
                let start = max(0, end - Int64(buffer.bytes.count))
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<Int(end - start)])
                let count = try source.read(into: piece, at: start)
                if let last = piece[..<count].lastIndex(of: UInt8(ascii: "\n")) { return start + Int64(last) + 1 }
                end = start
            }
            return 0
        }

        package func next() throws(Fault) -> Row? {
            if let ahead {
                self.ahead = nil
                return ahead
            }
            guard let reader, try reader.next() else { return nil }
            guard let state = Row.State(rawValue: try reader.text(1)) else {
                throw reader.fault("an unknown state '\(ByteString(try reader.text(1)))'")
            }
            return Row(
                key: try reader.bytes(0), state: state, object: try reader.bytes(2), etag: try reader.text(3),
                source: reader.fieldCount > 4 ? try reader.text(4) : "")
        }

        /// Goes on to a key, and gives its row if it has one; keys are asked for in their order.
        package func row(for key: ByteString) throws(Fault) -> Row? {
            while let row = try next() {
                if row.key == key { return row }
                if key < row.key {
                    ahead = row
                    return nil
                }
            }
            return nil
        }
    }
}
