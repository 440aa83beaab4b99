import CZlib
package import Platform

/// Inflates gzip members (RFC 1952) with zlib, which checks the CRC-32 and the length of each.
package final class GzipInflater: MemberInflater {
    private let stream: UnsafeMutablePointer<z_stream>

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = czlib_inflate_gzip_init(stream)
        precondition(code == Z_OK, "inflateInit2 fails only without memory or with another zlib")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    package var format: String { "gzip" }

    package func begin() throws(Fault) { inflateReset(stream) }

    package func inflate(
        _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
    ) -> InflateStep {
        let (given, room) = (min(input.count, Int(UInt32.max)), min(output.count, Int(UInt32.max)))
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(given)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let code = CZlib.inflate(stream, Z_NO_FLUSH)
        input = UnsafeRawBufferPointer(rebasing: input[(given - Int(stream.pointee.avail_in))...])
        output = UnsafeMutableRawBufferPointer(rebasing: output[(room - Int(stream.pointee.avail_out))...])
        switch code {
        case Z_OK, Z_BUF_ERROR: return .goesOn
        case Z_STREAM_END: return .memberEnds
        default: return .damaged(stream.pointee.msg.map { String(cString: $0) } ?? "not gzip data")
        }
    }
}
