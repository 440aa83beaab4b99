import CZlib
import Platform

#if !COLDCHAIN_ZLIB_ONLY
import CDeflate
import CISAL
#endif

/// A library that makes one gzip member out of a block.
protocol GzipEncoder: AnyObject {
    /// Makes a member without time and name.
    ///
    /// - Returns: its size; 0 when `output` has no room for it.
    func encode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int
}

#if !COLDCHAIN_ZLIB_ONLY
/// libdeflate, levels 0 to 12.
final class DeflateEncoder: GzipEncoder {
    private let compressor: OpaquePointer

    init?(level: Int) {
        guard let compressor = libdeflate_alloc_compressor(Int32(level)) else { return nil }
        self.compressor = compressor
    }

    deinit { libdeflate_free_compressor(compressor) }

    func encode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        libdeflate_gzip_compress(compressor, input.baseAddress, input.count, output.baseAddress, output.count)
    }
}

/// ISA-L at level 1, five times as fast as libdeflate's first.
///
/// Never at level 3: what that makes depends on the processor.
final class ISALEncoder: GzipEncoder {
    private let compressor: OpaquePointer

    init?() {
        guard let compressor = cisal_new() else { return nil }
        self.compressor = compressor
    }

    deinit { cisal_free(compressor) }

    func encode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        cisal_gzip(compressor, input.baseAddress, input.count, output.baseAddress, output.count)
    }
}
#else
/// zlib, levels 0 to 9, for a build without the faster libraries.
final class ZlibEncoder: GzipEncoder {
    private let stream: UnsafeMutablePointer<z_stream>

    init?(level: Int) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // deinit frees the stream then, too; deflateEnd leaves one alone that was not begun.
        guard czlib_deflate_gzip_init(stream, Int32(min(level, 9))) == Z_OK else { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func encode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        deflateReset(stream)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(output.count)
        return deflate(stream, Z_FINISH) == Z_STREAM_END ? Int(stream.pointee.total_out) : 0
    }
}
#endif
