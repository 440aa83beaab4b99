package import Codec
package import Platform

/// Bytes as one gzip member.
package func gzipped(_ bytes: [UInt8], level: Int = 6) throws(Fault) -> [UInt8] {
    gzipped(bytes, try GzipMemberCompressor(level: level))
}

/// Bytes as one gzip member, by a compressor that is there.
package func gzipped(_ bytes: [UInt8], _ compressor: GzipMemberCompressor) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: GzipMemberCompressor.bound(bytes.count)) { output, count in
        count = bytes.withUnsafeBytes { compressor.compress($0, into: UnsafeMutableRawBufferPointer(output)) }
    }
}

/// What was compressed, read `step` bytes at a time.
package func gunzipped(_ bytes: [UInt8], step: Int = 1 << 16) throws(Fault) -> [UInt8] {
    try readAll(MemberReader.gzip(BytesSource(bytes, name: "data")), step: step)
}

/// Reads a stream to its end, `step` bytes at a time.
package func readAll(_ stream: some ByteStream, step: Int = 1 << 16) throws(Fault) -> [UInt8] {
    var all: [UInt8] = []
    let buffer = Buffer(capacity: step)
    while true {
        let count = try stream.read(into: buffer.bytes)
        if count == 0 { return all }
        all += buffer.bytes[..<count]
    }
}
