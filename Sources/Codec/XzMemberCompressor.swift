import CLZMA
package import Platform

/// Makes .xz streams of one block each with liblzma, whatever the block one whole file for xz(1).
///
/// The sizes stand in the block's header, so that other programs may read several at once. One thread at a time.
package final class XzMemberCompressor: MemberCompressor {
    private let options: UnsafeMutablePointer<lzma_options_lzma>
    private let filters: UnsafeMutablePointer<lzma_filter>

    /// A dictionary larger than a block would only cost memory.
    private static let largestDictionary: UInt32 = 4 << 20

    /// - Parameter level: a preset of xz(1), 1 to 9.
    /// - Throws: `limit` for another.
    package init(level: Int) throws(Fault) {
        options = .allocate(capacity: 1)
        filters = .allocate(capacity: 2)
        guard MemberCodec.xz.levels?.contains(level) ?? false, lzma_lzma_preset(options, UInt32(level)) == 0 else {
            // All is initialised, so that deinit frees both.
            throw Fault(.limit, "there is no xz preset \(level)")
        }
        options.pointee.dict_size = min(options.pointee.dict_size, Self.largestDictionary)
        filters[0] = lzma_filter(id: clzma_filter_lzma2(), options: options)
        filters[1] = lzma_filter(id: clzma_filters_end(), options: nil)
    }

    deinit {
        options.deallocate()
        filters.deallocate()
    }

    /// The most bytes that a member of `count` input bytes can have, at any level.
    package static func bound(_ count: Int) -> Int { lzma_stream_buffer_bound(count) }

    package func compress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Fault) -> Int {
        var size = 0
        let code = lzma_stream_buffer_encode(
            filters, LZMA_CHECK_CRC64, nil, input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
            output.baseAddress?.assumingMemoryBound(to: UInt8.self), &size, output.count)
        guard code == LZMA_OK else { throw Fault(.limit, "liblzma can't compress: code \(code.rawValue)") }
        return size
    }
}
