import Platform

/// Bytes in memory as a ranged source, with what a test wants to happen while they are read.
final class BytesSource: RangedSource {
    let name: String
    let size: Int64
    private let bytes: [UInt8]
    private let onRead: @Sendable (_ offset: Int64) throws(Fault) -> Void

    /// A source over bytes.
    ///
    /// - Parameters:
    ///   - bytes: what can be read.
    ///   - name: its name in messages.
    ///   - size: the size it says it has; that of the bytes unless given.
    ///   - onRead: called before each read.
    init(
        _ bytes: [UInt8], name: String = "source", size: Int64? = nil,
        onRead: @escaping @Sendable (_ offset: Int64) throws(Fault) -> Void = { _ in }
    ) {
        self.bytes = bytes
        self.name = name
        self.size = size ?? Int64(bytes.count)
        self.onRead = onRead
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        try onRead(offset)
        guard offset < Int64(bytes.count) else { return 0 }
        let count = min(buffer.count, bytes.count - Int(offset))
        buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + count])
        return count
    }
}
