import Glibc
package import Platform

/// Reads a gzip'd table row by row without copying a field: tables of millions of rows are joined by the bytes of some
/// columns.
///
/// ``RowReader`` is for everything else. Fields are valid until the next row, and are as they stand in the table, escapes
/// included.
package final class TableScanner {
    private let stream: any ByteStream
    private var window: UnsafeMutableRawBufferPointer
    private var position = 0
    private var end = 0
    private var isAtEnd = false
    private var rowStart = 0
    private var rowEnd = 0
    /// Where each field begins, up to the last that is asked for, and one behind.
    private let starts: UnsafeMutablePointer<Int>
    private var lastColumn = 0
    private var places: [Int] = []
    private var plain: [UInt8] = []
    /// The number of the current row in the file, from 1, for messages.
    package private(set) var line = 0
    /// Whether the table has exactly the columns that were asked for, in their order.
    package private(set) var hasExactColumns = false

    private static let mostColumns = 64
    /// The most bytes of a row.
    private static let longestRow = 1 << 20

    /// Opens a table and reads its header line.
    ///
    /// - Parameters:
    ///   - source: the file.
    ///   - columns: those that are read, by name; one that the table lacks is empty in every row.
    ///   - required: those that it must have.
    /// - Throws: `damaged` without them.
    package init(gzip source: any RangedSource, columns: [String], required: Set<String>) throws(Fault) {
        stream = try ReadAhead(try TableStream(source))
        window = .allocate(byteCount: 4 * Self.longestRow, alignment: 64)
        starts = .allocate(capacity: Self.mostColumns + 1)
        lastColumn = Self.mostColumns - 1
        guard try next() else { throw Fault(.damaged, "\(name): is empty, expected a header line") }
        var names: [String: Int] = [:]
        var header: [String] = []
        for index in 0..<Self.mostColumns where starts[index] <= rowEnd {
            header.append(String(decoding: raw(index), as: UTF8.self))
            names[header[index]] = index
        }
        for name in required.sorted() where names[name] == nil { throw fault("has no column '\(name)'") }
        places = columns.map { names[$0] ?? -1 }
        hasExactColumns = header == columns
        lastColumn = places.max() ?? 0
    }

    deinit {
        window.deallocate()
        starts.deallocate()
    }

    package var name: String { stream.name }

    /// Goes to the next row.
    ///
    /// - Returns: false at the end.
    /// - Throws: `damaged` where the gzip data is, or where the last row has no end; `limit` for a row that is too long.
    package func next() throws(Fault) -> Bool {
        line += 1
        while true {
            if let base = window.baseAddress, end > position,
                let found = memchr(base + position, 0x0A, end - position)
            {
                rowStart = position
                rowEnd = UnsafeRawPointer(found) - UnsafeRawPointer(base)
                position = rowEnd + 1
                split(base)
                return true
            }
            guard end - position <= Self.longestRow else { throw Fault(.limit, "\(name):\(line): the row is too long") }
            guard try fill() else {
                guard position == end else { throw fault("the last row is cut off") }
                return false
            }
        }
    }

    private func fill() throws(Fault) -> Bool {
        if isAtEnd { return false }
        if position > 0, let base = window.baseAddress {
            memmove(base, base + position, end - position)
            (position, end) = (0, end - position)
        }
        let count = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: window[end...]))
        isAtEnd = count == 0
        end += count
        return count > 0
    }

    private func split(_ base: UnsafeMutableRawPointer) {
        var at = rowStart
        starts[0] = at
        var column = 0
        while column <= lastColumn {
            guard let found = memchr(base + at, 0x09, rowEnd - at) else { break }
            at = UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
            column += 1
            starts[column] = at
        }
        // Fields that are not there begin behind the end.
        while column <= lastColumn {
            column += 1
            starts[column] = rowEnd + 1
        }
    }

    private func raw(_ index: Int) -> UnsafeRawBufferPointer {
        let (from, to) = (starts[index], min(starts[index + 1] - 1, rowEnd))
        return from > to ? UnsafeRawBufferPointer(start: nil, count: 0) : UnsafeRawBufferPointer(rebasing: window[from..<to])
    }

    /// The bytes of the whole row, without its end.
    package var row: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: window[rowStart..<rowEnd]) }

    /// A field of one of the columns that were asked for, as it stands in the table.
    package func field(_ column: Int) -> UnsafeRawBufferPointer {
        let place = places[column]
        return place < 0 ? UnsafeRawBufferPointer(start: nil, count: 0) : raw(place)
    }

    /// A field without escapes; valid until the next call.
    ///
    /// - Throws: `damaged` for an escape that is none.
    package func unescaped<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) -> R) throws(Fault) -> R {
        let field = field(column)
        guard let base = field.baseAddress, memchr(base, 0x5C, field.count) != nil else { return body(field) }
        plain.removeAll(keepingCapacity: true)
        guard RowReader.unescape(field, into: &plain) else { throw fault("field \(column + 1) has an unknown escape") }
        return plain.withUnsafeBytes { body($0) }
    }

    /// A field that is a number, and not less than 0.
    package func number(_ column: Int) throws(Fault) -> Int64 {
        var value: Int64 = 0
        let field = field(column)
        for byte in field {
            guard byte &- 0x30 <= 9, value < Int64.max / 10 else { throw fault("field \(column + 1) is no number") }
            value = value * 10 + Int64(byte &- 0x30)
        }
        guard !field.isEmpty else { throw fault("field \(column + 1) is empty") }
        return value
    }

    package func text(_ column: Int) -> String { String(decoding: field(column), as: UTF8.self) }

    /// A fault that names the file and the row.
    package func fault(_ what: String) -> Fault { Fault(.damaged, "\(name):\(line): \(what)") }
}
