import CZlib
package import Platform

/// Inflates gzip data of any number of members with zlib, which checks the CRC-32 and the length of each.
///
/// Bytes that are no member behind the last one are a fault, as is a member that is cut off; gzip(1) only warns there.
package final class GzipReader: ByteStream {
    private let source: any RangedSource
    private let end: Int64
    private var offset: Int64
    private let input: Buffer
    private let stream: UnsafeMutablePointer<z_stream>
    private var state = State.between
    private var hasMember = false
    private var failure: Fault?

    private enum State { case between, inside, ended }

    /// Bytes inflated from the member that is being read, or that has just ended.
    package var memberSize: Int64 { Int64(stream.pointee.total_out) }

    /// Called at the end of each member with where it ends in the source.
    package var onMemberEnd: ((_ sourceOffset: Int64) throws(Fault) -> Void)?

    /// Begins at the first member; nothing is read yet.
    ///
    /// - Parameters:
    ///   - source: holds the gzip data.
    ///   - range: the part of the source that holds whole members; all of it when left out.
    ///   - bufferSize: how many compressed bytes are read at once, at the most.
    package init(_ source: any RangedSource, range: Range<Int64>? = nil, bufferSize: Int = 128 << 10) {
        self.source = source
        offset = range?.lowerBound ?? 0
        end = min(range?.upperBound ?? source.size, source.size)
        input = Buffer(capacity: bufferSize)
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = czlib_inflate_gzip_init(stream)
        precondition(code == Z_OK, "inflateInit2 fails only without memory or with another zlib")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    package var name: String { source.name }

    /// Where in the source the next unread compressed byte lies.
    package var sourceOffset: Int64 { offset - Int64(stream.pointee.avail_in) }

    /// Inflates up to the size of `buffer`.
    ///
    /// What was inflated before something went wrong is given first: it may be all that is wanted, and digests tell
    /// whether it is right.
    ///
    /// - Returns: the bytes inflated; 0 at the end of the last member.
    /// - Throws: `damaged`, naming the offset, where the data is no whole gzip member; what the source throws.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        if let failure { throw failure }
        guard state != .ended, buffer.count > 0 else { return 0 }
        let wanted = min(buffer.count, Int(UInt32.max))
        stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(wanted)
        do throws(Fault) { try fillOutput() } catch {
            failure = error
            if stream.pointee.avail_out == wanted { throw error }
        }
        return wanted - Int(stream.pointee.avail_out)
    }

    private func fillOutput() throws(Fault) {
        while stream.pointee.avail_out > 0 {
            if stream.pointee.avail_in == 0 {
                let count = try fill()
                if count == 0 {
                    if state == .inside { throw fault("the gzip member is cut off") }
                    // Nothing at all is no gzip data either (RFC 1952: a series of members).
                    if !hasMember { throw fault("has no gzip member") }
                    state = .ended
                    break
                }
            }
            if state == .between {
                state = .inside
                inflateReset(stream)
            }
            switch inflate(stream, Z_NO_FLUSH) {
            case Z_OK, Z_BUF_ERROR: continue
            case Z_STREAM_END:
                state = .between
                hasMember = true
                try onMemberEnd?(sourceOffset)
            default:
                let words = stream.pointee.msg.map { String(cString: $0) } ?? "not gzip data"
                throw fault(words)
            }
        }
    }

    private func fill() throws(Fault) -> Int {
        let wanted = Int(min(Int64(input.capacity), end - offset))
        guard wanted > 0 else { return 0 }
        let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: input.bytes[..<wanted]), at: offset)
        guard count > 0 else { throw Fault(.changed, "\(name): ends at \(offset), expected \(end) bytes") }
        offset += Int64(count)
        stream.pointee.next_in = input.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(count)
        return count
    }

    private func fault(_ words: String) -> Fault {
        Fault(.damaged, "\(name): at byte \(sourceOffset): \(words)")
    }
}
