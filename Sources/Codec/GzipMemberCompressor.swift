import CDeflate
package import Platform

/// Makes gzip members (RFC 1952) out of whole blocks with libdeflate.
///
/// MTIME is 0 and there is no name, so the same input gives the same bytes. One thread at a time.
package final class GzipMemberCompressor {
    private let compressor: OpaquePointer
    private let stored: OpaquePointer
    private let probe: OpaquePointer
    private let sample: UnsafeMutableRawBufferPointer

    private static let sampleSize = 16 << 10

    /// Allocates three compressors: for `level`, for storing, and for the samples that decide between them.
    ///
    /// - Parameter level: 1 to 12 as libdeflate counts; 6 and 9 are like those of gzip(1).
    /// - Throws: `limit` when libdeflate gives no compressor: there is no memory, or no such level.
    package init(level: Int) throws(Fault) {
        guard let compressor = libdeflate_alloc_compressor(Int32(level)), let stored = libdeflate_alloc_compressor(0),
            let probe = libdeflate_alloc_compressor(1)
        else { throw Fault(.limit, "no memory for a deflate compressor of level \(level)") }
        self.compressor = compressor
        self.stored = stored
        self.probe = probe
        sample = .allocate(byteCount: libdeflate_deflate_compress_bound(probe, Self.sampleSize), alignment: 16)
    }

    deinit {
        libdeflate_free_compressor(compressor)
        libdeflate_free_compressor(stored)
        libdeflate_free_compressor(probe)
        sample.deallocate()
    }

    /// The most bytes that a member of `count` input bytes can have, at any level.
    package static func bound(_ count: Int) -> Int {
        // Without a compressor the function answers for all levels (libdeflate.h).
        libdeflate_gzip_compress_bound(nil, count)
    }

    /// Compresses `input` into one member.
    ///
    /// Input that does not shrink (it is compressed already) is stored: four samples decide, so the answer depends on
    /// the input alone and costs little.
    ///
    /// - Parameters:
    ///   - input: the bytes of the member; none make an empty member.
    ///   - output: at least ``bound(_:)`` bytes.
    /// - Returns: the size of the member.
    package func compress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        let chosen = isIncompressible(input) ? stored : compressor
        let count = libdeflate_gzip_compress(chosen, input.baseAddress, input.count, output.baseAddress, output.count)
        precondition(count > 0, "the output has room for the bound")
        return count
    }

    private func isIncompressible(_ input: UnsafeRawBufferPointer) -> Bool {
        guard input.count >= 8 * Self.sampleSize, let base = input.baseAddress else { return false }
        for quarter in 0..<4 {
            let count = libdeflate_deflate_compress(
                probe, base + (input.count / 4 * quarter), Self.sampleSize, sample.baseAddress, sample.count)
            if count < Self.sampleSize * 98 / 100 { return false }
        }
        return true
    }
}
