import Glibc
package import Platform

/// Reads rows of tab-separated values as ``RowWriter`` writes them, one row at a time.
///
/// A row lies in one piece of memory until the next one; fields are ranges of it. A row longer than `limit` bytes is a
/// fault: no file is trusted.
package final class RowReader {
    private let stream: any ByteStream
    private let chunk: Buffer
    private var position = 0
    /// The current row: in the chunk, or in `gathered` where a border of chunks lies in it.
    private var row = UnsafeRawBufferPointer(start: nil, count: 0)
    private var gathered = GatheredRow()
    /// Where the fields begin, and how many there are.
    private var starts: UnsafeMutablePointer<Int>
    private var startsCapacity = 64
    package private(set) var fieldCount = 0
    private let limit: Int
    /// The number of the current row in the file, from 1, for messages.
    package private(set) var line = 0

    package init(_ stream: any ByteStream, limit: Int = 4 << 20, chunk size: Int = 256 << 10) {
        self.stream = stream
        chunk = Buffer(capacity: size)
        starts = .allocate(capacity: startsCapacity)
        self.limit = limit
    }

    deinit {
        starts.deallocate()
        gathered.deallocate()
    }

    /// Reads a gzip'd table.
    package convenience init(gzip source: any RangedSource, limit: Int = 4 << 20) {
        self.init(MemberReader.gzip(source), limit: limit)
    }

    /// Reads a gzip'd table as ``GzipWriter`` makes them: some times as fast, for some MiB of memory where the table is not
    /// small.
    ///
    /// - Throws: `limit` when there is no memory.
    package convenience init(table source: any RangedSource, limit: Int = 4 << 20) throws(Fault) {
        self.init(try TableStream(source), limit: limit, chunk: source.size < 64 << 10 ? 256 << 10 : 1 << 20)
    }

    package var name: String { stream.name }

    /// Bytes of the current row, its end included.
    package var rowLength: Int { row.count + 1 }

    /// Goes to the next row.
    ///
    /// - Returns: false at the end.
    /// - Throws: `damaged` where the gzip data is, or where the last row has no end.
    package func next() throws(Fault) -> Bool {
        (row, fieldCount) = (UnsafeRawBufferPointer(start: nil, count: 0), 0)
        gathered.clear()
        line += 1
        while true {
            if position == chunk.count {
                chunk.count = try stream.read(into: chunk.bytes)
                position = 0
                if chunk.count == 0 {
                    guard gathered.count == 0 else { throw fault("the last row is cut off") }
                    return false
                }
            }
            let rest = UnsafeRawBufferPointer(rebasing: chunk.bytes[position..<chunk.count])
            let end = Self.place(of: UInt8(ascii: "\n"), in: rest)
            let piece = end.map { UnsafeRawBufferPointer(rebasing: rest[..<$0]) } ?? rest
            if end == nil || gathered.count > 0 {
                gathered.append(piece)
                row = gathered.contents
            } else {
                row = piece
            }
            guard row.count <= limit else { throw fault("a row of more than \(limit) bytes") }
            position += piece.count + (end == nil ? 0 : 1)
            if end != nil { break }
        }
        split()
        return true
    }

    /// Finds where the fields begin.
    private func split() {
        starts[0] = 0
        var (count, at) = (1, 0)
        if let base = row.baseAddress {
            while let found = memchr(base + at, 0x09, row.count - at) {
                at = UnsafeRawPointer(found) - base + 1
                if count == startsCapacity { grow(count) }
                starts[count] = at
                count += 1
            }
        }
        fieldCount = count
    }

    private func grow(_ count: Int) {
        let more = UnsafeMutablePointer<Int>.allocate(capacity: startsCapacity * 2)
        more.initialize(from: starts, count: count)
        starts.deallocate()
        (starts, startsCapacity) = (more, startsCapacity * 2)
    }

    static func place(of byte: UInt8, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress, let found = memchr(base, Int32(byte), bytes.count) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Whether this row comes before that of another reader, by their bytes.
    func precedes(_ other: RowReader) -> Bool { RowSorter.precedes(row, other.row) }

    /// The raw bytes of the current row, without its end.
    package var rowBytes: [UInt8] { Array(row) }

    /// A field as it stands in the row, escapes and all; valid until the next row, and empty where the row has none.
    package func raw(_ index: Int) -> UnsafeRawBufferPointer {
        guard index < fieldCount else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let end = index + 1 < fieldCount ? starts[index + 1] - 1 : row.count
        return UnsafeRawBufferPointer(rebasing: row[starts[index]..<end])
    }

    package func isEmpty(_ index: Int) -> Bool { raw(index).isEmpty }

    /// A fault that names the file and the row.
    package func fault(_ what: String) -> Fault { Fault(.damaged, "\(name):\(line): \(what)") }
}
