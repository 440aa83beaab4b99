import CZlib
package import Platform

/// Inflates gzip members (RFC 1952) with zlib, which checks the CRC-32 and the length of each.
package final class ZlibMemberInflater: MemberInflater {
    private let stream: UnsafeMutablePointer<z_stream>

    package init() throws(Fault) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard czlib_inflate_gzip_init(stream) == Z_OK else { throw Fault(.limit, "no memory to inflate with zlib") }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    package var library: String { "zlib" }

    package func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault) {
        // One byte of room where there is none to fill: zlib wants a place to write to.
        var spare: UInt8 = 0
        let code = withUnsafeMutablePointer(to: &spare) { spare in
            inflateReset(stream)
            stream.pointee.next_in = UnsafeMutableRawPointer(mutating: input.baseAddress)?
                .assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_in = UInt32(input.count)
            stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? spare
            stream.pointee.avail_out = UInt32(output.count)
            return CZlib.inflate(stream, Z_FINISH)
        }
        let made = output.count - Int(stream.pointee.avail_out)
        switch code {
        case Z_STREAM_END:
            if stream.pointee.avail_in > 0 {
                throw Fault(.damaged, "\(stream.pointee.avail_in) bytes stand behind its end")
            }
            if made < output.count { throw Fault(.damaged, "holds \(made) bytes, expected \(output.count)") }
        case Z_BUF_ERROR, Z_OK:
            throw Fault(
                .damaged,
                stream.pointee.avail_in > 0 && stream.pointee.avail_out == 0
                    ? "holds more than the expected \(output.count) bytes" : "is cut off")
        default: throw Fault(.damaged, stream.pointee.msg.map { String(cString: $0) } ?? "is no gzip member")
        }
    }
}
