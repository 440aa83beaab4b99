import Platform

/// Takes a reply apart; nothing that a server says about lengths is believed.
struct SFTPDecoder {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func byte() throws(Fault) -> UInt8 {
        try need(1)
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number() throws(Fault) -> UInt32 {
        try need(4)
        defer { position += 4 }
        return UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
    }

    mutating func longNumber() throws(Fault) -> UInt64 {
        try need(8)
        defer { position += 8 }
        return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// A string, as a view into the reply.
    mutating func string() throws(Fault) -> UnsafeRawBufferPointer {
        let count = Int(try number())
        try need(count)
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    private func need(_ count: Int) throws(Fault) {
        guard count <= remaining else { throw Fault(.damaged, "a reply that is cut off") }
    }
}
