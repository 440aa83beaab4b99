package import Platform

/// Inflates any number of members that follow each other, whatever their format; ``MemberCodec`` makes one.
///
/// Bytes that are no member behind the last one are a fault, as is a member that is cut off; gzip(1) only warns there.
package final class MemberReader: ByteStream {
    private let source: any RangedSource
    private let end: Int64
    private var offset: Int64
    private let input: Buffer
    private var rest = UnsafeRawBufferPointer(start: nil, count: 0)
    private let inflater: any MemberInflater
    private var state = State.between
    private var hasMember = false
    private var padding = 0
    private var failure: Fault?

    private enum State { case between, inside, ended }

    /// Called at the end of each member with where it ends in the source; never for a format whose members have no marks
    /// of their own.
    package var onMemberEnd: ((_ sourceOffset: Int64) throws(Fault) -> Void)?

    /// Begins at the first member; nothing is read yet.
    ///
    /// - Parameters:
    ///   - source: holds the members.
    ///   - inflater: takes their format apart.
    ///   - range: the part of the source that holds whole members; all of it when left out.
    ///   - bufferSize: how many compressed bytes are read at once, at the most.
    package init(
        _ source: any RangedSource, _ inflater: any MemberInflater, range: Range<Int64>? = nil,
        bufferSize: Int = 128 << 10
    ) {
        self.source = source
        self.inflater = inflater
        offset = range?.lowerBound ?? 0
        end = min(range?.upperBound ?? source.size, source.size)
        input = Buffer(capacity: bufferSize)
    }

    /// Reads gzip members; the parameters are those of ``init(_:_:range:bufferSize:)``.
    package static func gzip(
        _ source: any RangedSource, range: Range<Int64>? = nil, bufferSize: Int = 128 << 10
    ) -> MemberReader { MemberReader(source, GzipInflater(), range: range, bufferSize: bufferSize) }

    package var name: String { source.name }

    /// Where in the source the next unread compressed byte lies.
    package var sourceOffset: Int64 { offset - Int64(rest.count) }

    /// Inflates up to the size of `buffer`.
    ///
    /// What was inflated before something went wrong is given first: it may be all that is wanted, and digests tell
    /// whether it is right.
    ///
    /// - Returns: the bytes inflated; 0 at the end of the last member.
    /// - Throws: `damaged`, naming the offset, where the data is no whole member; what the source throws.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        if let failure { throw failure }
        guard state != .ended, buffer.count > 0 else { return 0 }
        var output = buffer
        do throws(Fault) { try fill(&output) } catch {
            failure = error
            if output.count == buffer.count { throw error }
        }
        return buffer.count - output.count
    }

    private func fill(_ output: inout UnsafeMutableRawBufferPointer) throws(Fault) {
        while output.count > 0 {
            if rest.isEmpty, try readOn() == 0 {
                try endSource()
                break
            }
            if state == .between {
                if isPadding() { continue }
                try checkPadding()
                state = .inside
                try inflater.begin()
            }
            switch inflater.inflate(&rest, into: &output) {
            case .goesOn: continue
            case .memberEnds:
                state = .between
                hasMember = true
                padding = 0
                try onMemberEnd?(sourceOffset)
            case .damaged(let words): throw fault(words)
            case .unsupported(let words): throw Fault(.unsupported, "\(name): at byte \(sourceOffset): \(words)")
            }
        }
    }

    /// Passes over a byte that may stand between members.
    private func isPadding() -> Bool {
        guard hasMember, inflater.paddingUnit > 0, rest[0] == 0 else { return false }
        rest = UnsafeRawBufferPointer(rebasing: rest[1...])
        padding += 1
        return true
    }

    private func checkPadding() throws(Fault) {
        guard padding > 0, padding % inflater.paddingUnit != 0 else { return }
        throw fault("\(padding) bytes of padding behind a member, not a multiple of \(inflater.paddingUnit)")
    }

    /// What it means that the source ends here.
    private func endSource() throws(Fault) {
        if inflater.marksMembers {
            if state == .inside { throw fault("the \(inflater.format) member is cut off") }
            // Nothing at all is no gzip data either (RFC 1952: a series of members).
            if !hasMember { throw fault("has no \(inflater.format) member") }
            try checkPadding()
        }
        state = .ended
    }

    private func readOn() throws(Fault) -> Int {
        let wanted = Int(min(Int64(input.capacity), end - offset))
        guard wanted > 0 else { return 0 }
        let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: input.bytes[..<wanted]), at: offset)
        guard count > 0 else { throw Fault(.changed, "\(name): ends at \(offset), expected \(end) bytes") }
        offset += Int64(count)
        rest = UnsafeRawBufferPointer(rebasing: input.bytes[..<count])
        return count
    }

    private func fault(_ words: String) -> Fault {
        Fault(.damaged, "\(name): at byte \(sourceOffset): \(words)")
    }
}
