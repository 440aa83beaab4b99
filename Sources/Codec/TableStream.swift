package import Platform

#if !COLDCHAIN_ZLIB_ONLY
import CDeflate
#endif

/// Inflates a gzip'd table as ``GzipWriter`` writes them: members of at most a MiB, each at once, by libdeflate.
///
/// Anything else that gzip(1) reads is read as well, slower: where a member is larger or damaged, zlib goes on, and says
/// what is wrong. Buffers to read into have a MiB or more, or it is zlib that does all.
package final class TableStream: ByteStream {
    private let source: any RangedSource
    private var slow: MemberReader?
    #if !COLDCHAIN_ZLIB_ONLY
    private let decompressor: OpaquePointer
    private let input = Buffer(capacity: 3 << 20)
    private var start = 0
    private var offset: Int64 = 0
    /// The most bytes that a member of ``GzipWriter`` has.
    private static let longest = GzipMemberCompressor.bound(1 << 20)
    #endif

    package var name: String { source.name }

    #if COLDCHAIN_ZLIB_ONLY
    package init(_ source: any RangedSource) throws(Fault) {
        self.source = source
        slow = MemberReader.gzip(source)
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        try slow?.read(into: buffer) ?? 0
    }
    #else
    /// Begins at the first member; nothing is read yet.
    ///
    /// - Throws: `limit` when there is no memory.
    package init(_ source: any RangedSource) throws(Fault) {
        self.source = source
        guard let decompressor = libdeflate_alloc_decompressor() else {
            throw Fault(.limit, "no memory to inflate with libdeflate")
        }
        self.decompressor = decompressor
        // An empty file is no gzip file, which zlib's reader tells.
        if source.size == 0 { slow = MemberReader.gzip(source) }
    }

    deinit { libdeflate_free_decompressor(decompressor) }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        if let slow { return try slow.read(into: buffer) }
        while true {
            try fill()
            let rest = input.contents[start...]
            if rest.isEmpty { return 0 }
            var (taken, made) = (0, 0)
            let result = libdeflate_gzip_decompress_ex(
                decompressor, input.bytes.baseAddress?.advanced(by: start), rest.count, buffer.baseAddress,
                buffer.count,
                &taken, &made)
            guard result == LIBDEFLATE_SUCCESS else {
                let reader = MemberReader.gzip(source, range: (offset - Int64(rest.count))..<source.size)
                slow = reader
                return try reader.read(into: buffer)
            }
            start += taken
            if made > 0 { return made }
        }
    }

    /// Sees to it that a whole member is in the buffer.
    private func fill() throws(Fault) {
        let left = input.count - start
        guard left < Self.longest, offset < source.size else { return }
        if left > 0, let base = input.bytes.baseAddress {
            UnsafeMutableRawBufferPointer(start: base, count: left).copyMemory(
                from: UnsafeRawBufferPointer(start: base + start, count: left))
        }
        (start, input.count) = (0, left)
        while input.count < input.capacity, offset < source.size {
            let wanted = Int(min(Int64(input.capacity - input.count), source.size - offset))
            let room = UnsafeMutableRawBufferPointer(rebasing: input.bytes[input.count..<input.count + wanted])
            let count = try source.read(into: room, at: offset)
            guard count > 0 else {
                throw Fault(.changed, "\(name): ends at \(offset), expected \(source.size) bytes")
            }
            input.count += count
            offset += Int64(count)
        }
    }
    #endif
}
