import Glibc
package import Platform

/// Reads rows of comma-separated values (RFC 4180) without copying a field: an inventory has millions of them.
///
/// Fields are valid, and may be changed by their reader, until the next row.
package final class CSVScanner {
    private let stream: any ByteStream
    private let window: UnsafeMutableRawBufferPointer
    private var position = 0
    private var end = 0
    private var isAtEnd = false
    /// Places of the fields in the window.
    private var fields: [Range<Int>] = []
    /// The number of the current row, from 1.
    package private(set) var line: Int64 = 0

    /// The most bytes of a row: a key of 1024 bytes has 3072 when all are escaped, and an access control list 16 KiB.
    private static let longestRow = 256 << 10
    private static let quote = UInt8(ascii: "\"")

    package init(_ stream: any ByteStream) {
        self.stream = stream
        window = .allocate(byteCount: 4 * Self.longestRow, alignment: 64)
    }

    deinit { window.deallocate() }

    package var count: Int { fields.count }

    package subscript(index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: window[fields[index]])
    }

    /// Goes to the next row; the last one need not have an end.
    ///
    /// - Returns: false at the end.
    /// - Throws: what the stream throws; `damaged` for a quoted field without an end, or with something behind it.
    package func next() throws(Fault) -> Bool {
        line += 1
        // A row can be told apart once all of it is in the window, which begins at it then.
        while true {
            if position < end, try parse() { return true }
            guard !isAtEnd else {
                guard position < end else { return false }
                throw fault("the last row is cut off")
            }
            guard end - position <= Self.longestRow else {
                throw Fault(.limit, "\(stream.name): row \(line): more than \(Self.longestRow) bytes")
            }
            if let base = window.baseAddress, position > 0 {
                memmove(base, base + position, end - position)
                (position, end) = (0, end - position)
            }
            let count = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: window[end...]))
            if count == 0 { isAtEnd = true }
            end += count
        }
    }

    /// Takes the row at the position apart.
    ///
    /// - Returns: false when its end is not there yet, and nothing has changed.
    private func parse() throws(Fault) -> Bool {
        fields.removeAll(keepingCapacity: true)
        guard let base = window.baseAddress else { return false }
        var at = position
        // Nothing is moved until the end is found: a row that is not whole is looked at again.
        var quotes = false
        while true {
            if at < end, window[at] == Self.quote {
                let first = at + 1
                var from = first
                while true {
                    guard let found = memchr(base + from, Int32(Self.quote), end - from) else { return false }
                    let place = UnsafeRawPointer(found) - UnsafeRawPointer(base)
                    guard place + 1 < end || isAtEnd else { return false }
                    guard place + 1 < end, window[place + 1] == Self.quote else {
                        fields.append(first..<place)
                        at = place + 1
                        break
                    }
                    quotes = true
                    from = place + 2
                }
            } else {
                let first = at
                while at < end, window[at] != UInt8(ascii: ","), window[at] != 0x0A { at += 1 }
                guard at < end || isAtEnd else { return false }
                let isCarriageReturn = at > first && window[at - 1] == 0x0D && (at == end || window[at] == 0x0A)
                fields.append(first..<(isCarriageReturn ? at - 1 : at))
            }
            guard at < end else {
                guard isAtEnd else { return false }
                break
            }
            if window[at] == 0x0D, at + 1 == end, !isAtEnd { return false }
            if window[at] == 0x0D, at + 1 < end, window[at + 1] == 0x0A { at += 1 }
            if window[at] == 0x0A {
                at += 1
                break
            }
            guard window[at] == UInt8(ascii: ",") else { throw fault("something stands behind a quoted field") }
            at += 1
        }
        position = at
        if quotes { for index in fields.indices { undouble(index) } }
        return true
    }

    /// Makes one quote of two.
    private func undouble(_ index: Int) {
        let range = fields[index]
        // Only inside of quotes.
        guard range.lowerBound > 0, window[range.lowerBound - 1] == Self.quote else { return }
        var (from, to) = (range.lowerBound, range.lowerBound)
        while from < range.upperBound {
            window[to] = window[from]
            if window[from] == Self.quote { from += 1 }
            (from, to) = (from + 1, to + 1)
        }
        fields[index] = range.lowerBound..<to
    }

    package func fault(_ what: String) -> Fault { Fault(.damaged, "\(stream.name): row \(line): \(what)") }
}
