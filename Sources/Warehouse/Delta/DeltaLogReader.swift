import FoundationEssentials
import Platform

/// Reads log objects, a piece at a time.
struct DeltaLogReader {
    /// Bytes of an object.
    typealias Read = (_ object: ByteString, _ range: Range<Int64>) throws(Fault) -> [UInt8]

    private let read: Read
    private static let piece: Int64 = 8 << 20
    /// A line has no more bytes: no log is trusted.
    private static let longestLine = 64 << 20
    /// Nor has a document.
    private static let longestDocument: Int64 = 16 << 20

    init(_ read: @escaping Read) { self.read = read }

    /// Calls `each` with every action, in the order of the lines.
    ///
    /// - Throws: `damaged` for a line that is no action, `limit` for one that is too long; what `each` and reading throw.
    func forEachAction(of object: DeltaLog.Object, _ each: (DeltaAction) throws(Fault) -> Void) throws(Fault) {
        var rest: [UInt8] = []
        func take(_ line: ArraySlice<UInt8>) throws(Fault) {
            guard !line.isEmpty else { return }
            guard let action = DeltaAction.read(line) else {
                throw Fault(.damaged, "'\(object.key)' has a line that is no action")
            }
            try each(action)
        }
        var offset: Int64 = 0
        while offset < object.size {
            try Shutdown.check()
            let end = min(object.size, offset + Self.piece)
            let bytes = try read(object.object, offset..<end)
            guard Int64(bytes.count) == end - offset else {
                throw Fault(.damaged, "'\(object.key)' ends at \(offset + Int64(bytes.count)) of \(object.size) bytes")
            }
            offset = end
            var start = 0
            while let line = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
                rest += bytes[start..<line]
                try take(rest[...])
                rest.removeAll(keepingCapacity: true)
                start = line + 1
            }
            rest += bytes[start...]
            guard rest.count <= Self.longestLine else {
                throw Fault(.limit, "'\(object.key)' has a line of more than \(Self.longestLine) bytes")
            }
        }
        try take(rest[...])
    }

    /// A whole document; nothing for one that is too long, or is none, since readers of tables do without these.
    func document<Value: Decodable>(_ type: Value.Type, _ object: DeltaLog.Object?) throws(Fault) -> Value? {
        guard let object, object.size > 0, object.size <= Self.longestDocument else { return nil }
        let bytes = try read(object.object, 0..<object.size)
        return try? JSONDecoder().decode(type, from: Data(bytes))
    }
}
