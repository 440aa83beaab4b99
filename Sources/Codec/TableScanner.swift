import CTable
package import Platform

/// Reads a gzip'd table row by row without copying a field: tables of millions of rows are joined by the bytes of some
/// columns.
///
/// ``RowReader`` is for everything else. Fields are valid until the next row, and are as they stand in the table, escapes
/// included.
package final class TableScanner {
    private let blocks: ReadAhead
    /// What is read now, and its bytes: the hot loop looks at these alone.
    private var block: Buffer?
    private var bytes: UnsafePointer<UInt8>
    private var position = 0
    private var end = 0
    /// A row of which some is in another block than the rest.
    private var seam: Buffer?
    /// The current row, in a block or the seam.
    private var start: UnsafePointer<UInt8>
    private var found = ctable_row(length: 0, fields: 0, escapes: 0)
    /// Where each field of it begins, up to one behind the last that is asked for.
    private let starts: UnsafeMutablePointer<UInt32>
    private var last = TableScanner.mostColumns
    /// In which field of a row each column is; -1 for one that the table lacks.
    private let places: UnsafeMutablePointer<Int>
    private var plain: [UInt8] = []
    private let order: Int?
    /// The key of the row before, in a block, the seam or in `saved`.
    private var lastKey = UnsafeRawBufferPointer(start: nil, count: 0)
    private var saved: Buffer?
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
    ///   - order: the column, by its number in `columns`, that must be greater in each row than in the one before, as
    ///     bytes without escapes.
    /// - Throws: `damaged` without them.
    package init(
        gzip source: any RangedSource, columns: [String], required: Set<String>, order: Int? = nil
    ) throws(Fault) {
        self.order = order
        blocks = try ReadAhead(try TableStream(source), slack: Int(CTABLE_SLACK))
        starts = .allocate(capacity: Self.mostColumns + 1)
        places = .allocate(capacity: columns.count)
        start = UnsafePointer(UnsafeRawPointer(starts).assumingMemoryBound(to: UInt8.self))
        bytes = start
        guard try nextRow() else { throw Fault(.damaged, "\(name): is empty, expected a header line") }
        var names: [String: Int] = [:]
        var header: [String] = []
        for index in 0..<min(found.fields, Self.mostColumns) {
            header.append(String(decoding: raw(index), as: UTF8.self))
            names[header[index]] = index
        }
        for name in required.sorted() where names[name] == nil { throw fault("has no column '\(name)'") }
        for (index, column) in columns.enumerated() {
            places[index] = names[column] ?? -1
            last = max(index == 0 ? 0 : last, places[index] + 1)
        }
        hasExactColumns = header == columns
    }

    deinit {
        starts.deallocate()
        places.deallocate()
    }

    package var name: String { blocks.name }

    /// Goes to the next row.
    ///
    /// - Returns: false at the end.
    /// - Throws: `damaged` where the gzip data is, where the last row has no end, or where the order is not that which was
    ///   asked for; `limit` for a row that is too long.
    package func next() throws(Fault) -> Bool {
        guard try nextRow() else { return false }
        if let order { try checkOrder(order) }
        return true
    }

    private func nextRow() throws(Fault) -> Bool {
        line += 1
        guard position < end else { return try nextBlock() }
        start = bytes + position
        found = ctable_split(start, end - position, last, starts)
        if found.length < 0 { return try crossSeam() }
        position += found.length + 1
        return true
    }

    /// Gives the block back that was read, and reads another from its start on.
    private func exchange() throws(Fault) -> Bool {
        if let block { blocks.give(block) }
        (block, position, end) = (nil, 0, 0)
        guard let next = try blocks.take(), let base = next.bytes.baseAddress else { return false }
        block = next
        bytes = UnsafePointer(base.assumingMemoryBound(to: UInt8.self))
        end = next.count
        return true
    }

    /// Goes to the next block, and to the first row in it.
    private func nextBlock() throws(Fault) -> Bool {
        if !lastKey.isEmpty { save(lastKey) }
        guard try exchange() else { return false }
        line -= 1
        return try nextRow()
    }

    /// Takes the row of which the rest is in the next block, or in those behind it.
    private func crossSeam() throws(Fault) -> Bool {
        if !lastKey.isEmpty { save(lastKey) }
        let seam = self.seam ?? Buffer(capacity: Self.longestRow + Int(CTABLE_SLACK))
        self.seam = seam
        seam.count = 0
        func add(_ piece: UnsafeBufferPointer<UInt8>) throws(Fault) {
            guard seam.count + piece.count <= Self.longestRow else {
                throw Fault(.limit, "\(name):\(line): the row is too long")
            }
            seam.bytes[seam.count...].copyBytes(from: piece)
            seam.count += piece.count
        }
        try add(UnsafeBufferPointer(start: bytes + position, count: end - position))
        var isWhole = false
        while !isWhole {
            guard try exchange() else { throw fault("the last row is cut off") }
            let rest = UnsafeBufferPointer(start: bytes, count: end)
            let newline = rest.firstIndex(of: 0x0A)
            position = newline.map { $0 + 1 } ?? end
            try add(UnsafeBufferPointer(rebasing: rest[..<position]))
            isWhole = newline != nil
        }
        guard let base = seam.bytes.baseAddress else { return false }
        start = UnsafePointer(base.assumingMemoryBound(to: UInt8.self))
        found = ctable_split(start, seam.count, last, starts)
        return true
    }

    private func raw(_ index: Int) -> UnsafeRawBufferPointer {
        guard index < found.fields else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let (from, to) = (Int(starts[index]), Int(starts[index + 1]))
        return UnsafeRawBufferPointer(start: start + from, count: to - from - 1)
    }

    /// The bytes of the whole row, without its end.
    package var row: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: found.length) }

    /// Whether anything in the row is escaped.
    package var hasEscapes: Bool { found.escapes != 0 }

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
        guard hasEscapes, field.contains(0x5C) else { return body(field) }
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

    // MARK: The order

    /// A table that is not in order would merge wrongly: what is held would look new, or worse, gone.
    private func checkOrder(_ column: Int) throws(Fault) {
        let isRight: Bool
        if hasEscapes {
            isRight = try unescaped(column) { key in
                let isGreater = Self.isOrdered(lastKey, key)
                save(key)
                return isGreater
            }
        } else {
            let key = field(column)
            isRight = Self.isOrdered(lastKey, key)
            lastKey = key
        }
        if !isRight { throw fault("the key is not greater than the one before") }
    }

    /// An empty key is none, and comes behind nothing.
    private static func isOrdered(_ last: UnsafeRawBufferPointer, _ key: UnsafeRawBufferPointer) -> Bool {
        !key.isEmpty && RowSorter.precedes(last, key)
    }

    /// Keeps a key whose memory is about to hold something else.
    private func save(_ key: UnsafeRawBufferPointer) {
        if let saved, saved.bytes.baseAddress.map(UnsafeRawPointer.init) == key.baseAddress { return }
        let buffer: Buffer
        if let saved, saved.capacity >= key.count {
            buffer = saved
        } else {
            buffer = Buffer(capacity: max(4 << 10, key.count))
        }
        buffer.bytes.copyMemory(from: key)
        saved = buffer
        lastKey = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<key.count])
    }
}
