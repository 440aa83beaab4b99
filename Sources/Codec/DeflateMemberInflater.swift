import CDeflate
package import Platform

/// Inflates gzip members (RFC 1952) with libdeflate, which checks the CRC-32 and the length of each.
package final class DeflateMemberInflater: MemberInflater {
    private let decompressor: OpaquePointer

    package init() throws(Fault) {
        guard let decompressor = libdeflate_alloc_decompressor() else {
            throw Fault(.limit, "no memory to inflate with libdeflate")
        }
        self.decompressor = decompressor
    }

    deinit { libdeflate_free_decompressor(decompressor) }

    package var library: String { "libdeflate" }

    package func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault) {
        var (taken, made) = (0, 0)
        let result = libdeflate_gzip_decompress_ex(
            decompressor, input.baseAddress, input.count, output.baseAddress, output.count, &taken, &made)
        switch result {
        case LIBDEFLATE_SUCCESS:
            if taken < input.count { throw Fault(.damaged, "\(input.count - taken) bytes stand behind its end") }
            if made < output.count { throw Fault(.damaged, "holds \(made) bytes, expected \(output.count)") }
        case LIBDEFLATE_INSUFFICIENT_SPACE:
            throw Fault(.damaged, "holds more than the expected \(output.count) bytes")
        default: throw Fault(.damaged, "its data, CRC-32 or length is wrong")
        }
    }
}
