import HTTP
package import Platform

/// Reads the rows of a completion report of S3 Batch Operations (S3 user guide, examples: completion reports): comma-separated
/// values, in quotes where they hold commas, line ends or quotes.
package final class ReportRows {
    /// A task.
    package struct Row: Sendable, Equatable {
        package var bucket: String
        package var key: ByteString
        package var version: String
        package var isSucceeded: Bool
        package var errorCode: String
        package var httpStatus: String
        package var message: String
    }

    private let stream: any ByteStream
    private let chunk = Buffer(capacity: 4 << 20)
    private var position = 0
    private var line = 0
    /// A row has no more bytes: no report is trusted.
    private static let longest = 1 << 20
    private static let columns = 7

    package init(_ stream: any ByteStream) { self.stream = stream }

    package func next() throws(Fault) -> Row? {
        line += 1
        guard let fields = try fields() else { return nil }
        guard fields.count >= 4, fields.count <= Self.columns else {
            throw fault("has \(fields.count) columns, expected \(Self.columns)")
        }
        func field(_ index: Int) -> String {
            fields.indices.contains(index) ? String(decoding: fields[index], as: UTF8.self) : ""
        }
        let status = field(3)
        guard status == "succeeded" || status == "failed" else {
            throw fault("an unknown task status '\(ByteString(status))'")
        }
        // A plus sign is written %2B in the manifest, so one that stands here is a space.
        let spaced = field(1).replacing("+", with: " ")
        guard let key = PercentEncoding.decode(spaced) else { throw fault("a key with a broken escape") }
        // The schema in the report says error code, then HTTP status; the service has written them the other way round.
        let (one, two) = (field(4), field(5))
        let isSwapped = Self.isHTTPStatus(one) && !Self.isHTTPStatus(two)
        return Row(
            bucket: field(0), key: ByteString(bytes: key), version: field(2), isSucceeded: status == "succeeded",
            errorCode: isSwapped ? two : one, httpStatus: isSwapped ? one : two, message: field(6))
    }

    private static func isHTTPStatus(_ text: String) -> Bool {
        text.utf8.count == 3 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private func byte() throws(Fault) -> UInt8? {
        if position == chunk.count {
            chunk.count = try stream.read(into: chunk.bytes)
            position = 0
            if chunk.count == 0 { return nil }
        }
        position += 1
        return chunk.bytes[position - 1]
    }

    private func fields() throws(Fault) -> [[UInt8]]? {
        var fields: [[UInt8]] = []
        var field: [UInt8] = []
        var (length, isQuoted, wasQuoted, isAtQuote) = (0, false, false, false)
        while let byte = try byte() {
            length += 1
            guard length <= Self.longest else { throw fault("a row of more than \(Self.longest) bytes") }
            if isQuoted, !isAtQuote {
                if byte == UInt8(ascii: "\"") { isAtQuote = true } else { field.append(byte) }
                continue
            }
            if isAtQuote {
                isAtQuote = false
                if byte == UInt8(ascii: "\"") {
                    field.append(byte)
                    continue
                }
                isQuoted = false
            }
            switch byte {
            case UInt8(ascii: "\"") where field.isEmpty && !wasQuoted: (isQuoted, wasQuoted) = (true, true)
            case UInt8(ascii: ","):
                fields.append(field)
                (field, wasQuoted) = ([], false)
            case UInt8(ascii: "\r"): break
            case UInt8(ascii: "\n"):
                if fields.isEmpty && field.isEmpty && !wasQuoted { continue }
                return fields + [field]
            default: field.append(byte)
            }
        }
        guard !(isQuoted && !isAtQuote) else { throw fault("ends within quotes") }
        return fields.isEmpty && field.isEmpty ? nil : fields + [field]
    }

    private func fault(_ what: String) -> Fault { Fault(.damaged, "\(stream.name):\(line): \(what)") }
}
