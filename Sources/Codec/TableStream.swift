package import Platform

#if !COLDCHAIN_ZLIB_ONLY
import CDeflate
#endif

/// Inflates a gzip'd table as ``GzipWriter`` writes them: members of at most a MiB, each at once, by libdeflate.
///
/// Anything else that gzip(1) reads is read as well, slower: where a member is larger or damaged, zlib goes on, and says
/// what is wrong. A member that has no room in the buffer to read into goes through one of a MiB.
package final class TableStream: ByteStream {
    private let source: any RangedSource
    private var slow: MemberReader?
    #if !COLDCHAIN_ZLIB_ONLY
    private let decompressor: OpaquePointer
    /// Not larger than the file: most tables are small, and there are many of them.
    private let input: Buffer
    private var start = 0
    private var offset: Int64 = 0
    /// A member that had no room, and how much of it was given.
    private var whole: Buffer?
    private var given = 0
    /// The most bytes that a member of ``GzipWriter`` holds, and the most that it has.
    private static let member = 1 << 20
    private static let longest = GzipMemberCompressor.bound(member)
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
        input = Buffer(capacity: Int(max(1, min(source.size, 3 << 20))))
        // An empty file is no gzip file, which zlib's reader tells.
        if source.size == 0 { slow = MemberReader.gzip(source) }
    }

    deinit { libdeflate_free_decompressor(decompressor) }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        if let whole, given < whole.count { return give(whole, into: buffer) }
        if let slow { return try slow.read(into: buffer) }
        while true {
            try fill()
            if start == input.count { return 0 }
            var (result, made) = inflate(into: buffer)
            if result == LIBDEFLATE_INSUFFICIENT_SPACE, buffer.count < Self.member {
                let member = whole ?? Buffer(capacity: Self.member)
                (result, member.count) = inflate(into: member.bytes)
                (whole, given) = (member, 0)
                if result == LIBDEFLATE_SUCCESS { made = give(member, into: buffer) }
            }
            guard result == LIBDEFLATE_SUCCESS else {
                let rest = Int64(input.count - start)
                let reader = MemberReader.gzip(source, range: (offset - rest)..<source.size)
                slow = reader
                return try reader.read(into: buffer)
            }
            if made > 0 { return made }
        }
    }

    /// Inflates the member that comes next, if it has room.
    private func inflate(into buffer: UnsafeMutableRawBufferPointer) -> (result: libdeflate_result, made: Int) {
        var (taken, made) = (0, 0)
        let result = libdeflate_gzip_decompress_ex(
            decompressor, input.bytes.baseAddress?.advanced(by: start), input.count - start, buffer.baseAddress,
            buffer.count, &taken, &made)
        guard result == LIBDEFLATE_SUCCESS else { return (result, 0) }
        start += taken
        return (result, made)
    }

    private func give(_ member: Buffer, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, member.count - given)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: member.contents[given..<(given + count)]))
        given += count
        return count
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
