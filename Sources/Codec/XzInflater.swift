import CLZMA
package import Platform

/// Inflates .xz streams (xz-file-format.txt) with liblzma, which checks each block and the stream's index.
///
/// A member is one whole stream. Memory is bounded: the dictionary of a stream from elsewhere can be larger than is ours.
package final class XzInflater: MemberInflater {
    private let stream: UnsafeMutablePointer<lzma_stream>

    /// What decoding may take; `xz -9` needs 65 MiB.
    private static let memory: UInt64 = 256 << 20

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: clzma_stream())
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
    }

    package var format: String { "xz" }
    /// Stream padding (xz-file-format.txt, 2.2).
    package var paddingUnit: Int { 4 }

    package func begin() throws(Fault) {
        // A check that this library does not know is told, not passed over.
        guard lzma_stream_decoder(stream, Self.memory, clzma_tell_unsupported_check()) == LZMA_OK else {
            throw Fault(.limit, "no memory for an xz decoder")
        }
    }

    package func inflate(
        _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
    ) -> InflateStep {
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = input.count
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = output.count
        let code = lzma_code(stream, LZMA_RUN)
        input = UnsafeRawBufferPointer(rebasing: input[(input.count - stream.pointee.avail_in)...])
        output = UnsafeMutableRawBufferPointer(rebasing: output[(output.count - stream.pointee.avail_out)...])
        switch code {
        case LZMA_OK, LZMA_BUF_ERROR: return .goesOn
        case LZMA_STREAM_END: return .memberEnds
        case LZMA_FORMAT_ERROR: return .damaged("not xz data")
        case LZMA_DATA_ERROR: return .damaged("the xz data is corrupt")
        case LZMA_UNSUPPORTED_CHECK: return .unsupported("has a check that liblzma does not know")
        case LZMA_OPTIONS_ERROR: return .unsupported("has options that liblzma does not know")
        case LZMA_MEMLIMIT_ERROR: return .unsupported("needs more than \(Self.memory >> 20) MiB to be read")
        default: return .unsupported("liblzma gives up with code \(code.rawValue)")
        }
    }
}
