package import Platform

/// Reads rows of tab-separated values as ``RowWriter`` writes them, one row at a time.
///
/// A row is held in one buffer; fields are ranges of it. A row longer than `limit` bytes is a fault: no file is trusted.
package final class RowReader {
    private let stream: any ByteStream
    private let chunk: Buffer
    private var position = 0
    private var row: [UInt8] = []
    /// Bytes of the current row, its end included.
    package var rowLength: Int { row.count + 1 }
    private var starts: [Int] = []
    private let limit: Int
    /// The number of the current row in the file, from 1, for messages.
    package private(set) var line = 0

    package init(_ stream: any ByteStream, limit: Int = 4 << 20, chunk size: Int = 256 << 10) {
        self.stream = stream
        chunk = Buffer(capacity: size)
        self.limit = limit
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

    /// Goes to the next row.
    ///
    /// - Returns: false at the end.
    /// - Throws: `damaged` where the gzip data is, or where the last row has no end.
    package func next() throws(Fault) -> Bool {
        row.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        line += 1
        while true {
            if position == chunk.count {
                chunk.count = try stream.read(into: chunk.bytes)
                position = 0
                if chunk.count == 0 {
                    guard row.isEmpty else { throw fault("the last row is cut off") }
                    return false
                }
            }
            let rest = chunk.bytes[position..<chunk.count]
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            row.append(contentsOf: rest[..<(end ?? chunk.count)])
            guard row.count <= limit else { throw fault("a row of more than \(limit) bytes") }
            position = (end ?? chunk.count - 1) + 1
            if end != nil { break }
        }
        starts.append(0)
        row.withUnsafeBufferPointer { bytes in
            for index in bytes.indices where bytes[index] == UInt8(ascii: "\t") { starts.append(index + 1) }
        }
        return true
    }

    package var fieldCount: Int { starts.count }

    /// Whether this row comes before that of another reader, by their bytes.
    func precedes(_ other: RowReader) -> Bool {
        row.withUnsafeBytes { own in other.row.withUnsafeBytes { RowSorter.precedes(own, $0) } }
    }

    /// The raw bytes of the current row, without its end.
    package var rowBytes: [UInt8] { row }

    private func range(_ index: Int) -> Range<Int> {
        guard index < starts.count else { return 0..<0 }
        return starts[index]..<(index + 1 < starts.count ? starts[index + 1] - 1 : row.count)
    }

    package func isEmpty(_ index: Int) -> Bool { range(index).isEmpty }

    /// Whether the field is exactly `text`.
    package func field(_ index: Int, is text: StaticString) -> Bool {
        let range = range(index)
        return range.count == text.utf8CodeUnitCount
            && text.withUTF8Buffer { literal in row[range].elementsEqual(literal) }
    }

    /// Whether the field is exactly `bytes`, as they stand in the row.
    package func fieldEquals(_ bytes: [UInt8]?, _ index: Int) -> Bool {
        guard let bytes else { return false }
        let range = range(index)
        guard range.count == bytes.count else { return false }
        return row.withUnsafeBytes { own in
            bytes.withUnsafeBytes { $0.elementsEqual(UnsafeRawBufferPointer(rebasing: own[range])) }
        }
    }

    /// The bytes of a field as they stand in the row, escapes and all.
    package func rawField(_ index: Int) -> [UInt8] { Array(row[range(index)]) }

    /// Whether the field begins with `text`, which nothing in it escapes.
    package func hasPrefix(_ text: StaticString, _ index: Int) -> Bool {
        let range = range(index)
        return text.withUTF8Buffer { literal in row[range].starts(with: literal) }
    }

    /// A field as a byte string, unescaped.
    package func bytes(_ index: Int) throws(Fault) -> ByteString {
        let range = range(index)
        guard row[range].contains(0x5C) else { return ByteString(bytes: Array(row[range])) }
        var out: [UInt8] = []
        out.reserveCapacity(range.count)
        let isRight = row.withUnsafeBytes { Self.unescape(UnsafeRawBufferPointer(rebasing: $0[range]), into: &out) }
        guard isRight else { throw fault("field \(index + 1) has an unknown escape") }
        return ByteString(bytes: out)
    }

    /// What stands for a field, unescaped.
    package func key(_ index: Int) throws(Fault) -> KeyDigest {
        let range = range(index)
        guard row[range].contains(0x5C) else {
            return row.withUnsafeBytes { KeyDigest(UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
        return KeyDigest(try bytes(index))
    }

    /// Undoes what ``RowWriter`` escapes.
    ///
    /// - Returns: false for an escape that is none, or has no end.
    static func unescape(_ field: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Bool {
        var at = 0
        while at < field.count {
            guard field[at] == 0x5C else {
                out.append(field[at])
                at += 1
                continue
            }
            guard at + 1 < field.count else { return false }
            switch field[at + 1] {
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case 0x5C: out.append(0x5C)
            case UInt8(ascii: "x"):
                guard at + 3 < field.count, let high = hexDigit(field[at + 2]), let low = hexDigit(field[at + 3]) else {
                    return false
                }
                out.append(high << 4 | low)
                at += 2
            default: return false
            }
            at += 2
        }
        return true
    }

    package func text(_ index: Int) throws(Fault) -> String {
        String(decoding: try bytes(index).bytes, as: UTF8.self)
    }

    package func int(_ index: Int) throws(Fault) -> Int64 {
        guard let value = Self.decimal(row[range(index)]) else { throw fault("field \(index + 1) is no number") }
        return value
    }

    package func optionalInt(_ index: Int) throws(Fault) -> Int64? { isEmpty(index) ? nil : try int(index) }

    /// The number of a user or group, 0 where the field is empty.
    package func owner(_ index: Int) throws(Fault) -> UInt32 {
        guard let value = UInt32(exactly: try optionalInt(index) ?? 0) else {
            throw fault("field \(index + 1) is an impossible owner")
        }
        return value
    }

    package func octal(_ index: Int) throws(Fault) -> UInt32 {
        var value: UInt32 = 0
        let field = row[range(index)]
        for byte in field {
            guard (0x30...0x37).contains(byte), value < 1 << 20 else {
                throw fault("field \(index + 1) is no octal number")
            }
            value = value * 8 + UInt32(byte - 0x30)
        }
        guard !field.isEmpty else { throw fault("field \(index + 1) is empty") }
        return value
    }

    package func timestamp(_ index: Int) throws(Fault) -> Timestamp {
        let field = row[range(index)]
        guard let dot = field.firstIndex(of: UInt8(ascii: ".")), field.endIndex - dot == 10,
            let seconds = Self.decimal(field[..<dot]), field[dot + 1] != UInt8(ascii: "-"),
            let fraction = Self.decimal(field[(dot + 1)...])
        else { throw fault("field \(index + 1) is no time") }
        guard field.first == UInt8(ascii: "-"), fraction > 0 else {
            return Timestamp(seconds: seconds, nanoseconds: UInt32(fraction))
        }
        guard seconds > .min else { throw fault("field \(index + 1) is no time") }
        return Timestamp(seconds: seconds - 1, nanoseconds: UInt32(1_000_000_000 - fraction))
    }

    package func digest(_ index: Int) throws(Fault) -> Digest256? {
        if isEmpty(index) { return nil }
        guard let digest = Digest256(hex: row[range(index)]) else {
            throw fault("field \(index + 1) is no SHA-256 digest")
        }
        return digest
    }

    private static func decimal(_ text: ArraySlice<UInt8>) -> Int64? {
        var digits = text
        let negative = digits.first == UInt8(ascii: "-")
        if negative { digits = digits.dropFirst() }
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte - 0x30)
            // Towards its own sign, since the least number has no positive counterpart.
            let (sum, carried) = scaled.addingReportingOverflow(negative ? -digit : digit)
            if overflow || carried { return nil }
            value = sum
        }
        return value
    }

    /// A fault that names the file and the row.
    package func fault(_ what: String) -> Fault { Fault(.damaged, "\(name):\(line): \(what)") }
}
