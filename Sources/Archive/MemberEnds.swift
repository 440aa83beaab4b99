import Codec
import Platform

/// What the first and last bytes of members say.
struct MemberEnds {
    private let source: any RangedSource
    private let codec: MemberCodec
    private let buffer = Buffer(capacity: 16)

    init(_ source: any RangedSource, _ codec: MemberCodec) {
        self.source = source
        self.codec = codec
    }

    /// What is wrong with the header or the trailer of a member, if anything is.
    ///
    /// - Throws: `changed` when the source is shorter; what it throws.
    func complaint(of member: ArchiveIndex.Member) throws(Fault) -> String? {
        switch codec {
        case .none: return nil
        case .gzip:
            // RFC 1952: deflate, no name or the like, no time, as pack makes them.
            guard try isAt(member.offset, [0x1F, 0x8B, 8, 0, 0, 0, 0, 0]) else { return "its header is none of pack's" }
            try fill(4, at: member.offset + member.length - 4)
            let size = UInt32(littleEndian: buffer.bytes.loadUnaligned(as: UInt32.self))
            guard Int64(size) == member.tarLength else {
                return "its trailer says that it holds \(size) bytes, the index says \(member.tarLength)"
            }
            return nil
        case .xz:
            // xz-file-format.txt, 2.1.
            guard try isAt(member.offset, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) else { return "has no xz header" }
            guard try isAt(member.offset + member.length - 2, [0x59, 0x5A]) else { return "has no xz footer" }
            return nil
        }
    }

    private func isAt(_ offset: Int64, _ bytes: [UInt8]) throws(Fault) -> Bool {
        try fill(bytes.count, at: offset)
        return buffer.bytes[..<bytes.count].elementsEqual(bytes)
    }

    private func fill(_ count: Int, at offset: Int64) throws(Fault) {
        guard offset >= 0 else { throw Fault(.damaged, "\(source.name): a member of less than \(count) bytes") }
        let got = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count]), at: offset)
        guard got == count else {
            throw Fault(.changed, "\(source.name): ends at \(offset + Int64(got)), expected \(count - got) bytes more")
        }
    }
}
