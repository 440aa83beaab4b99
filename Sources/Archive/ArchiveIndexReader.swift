import Codec
import Ledger
package import Platform

/// Reads an index: the header and members at once, then entry by entry, then the parts.
///
/// Nothing in it is trusted: numbers are bounded, tables are no longer than the archive can have them, and every range
/// lies within it.
package final class ArchiveIndexReader {
    private let reader: RowReader
    /// What has been read so far; the parts are complete once ``next()`` has returned nothing.
    package private(set) var index = ArchiveIndex()
    private var isAtEnd = false

    private let keepsMembers: Bool

    /// Reads the header and the members.
    ///
    /// - Parameters:
    ///   - source: the index.
    ///   - archive: the archive whose index it must be. Only with it are the members kept, since its size bounds their
    ///     number; else they are looked through.
    /// - Throws: `damaged`, naming file and row, or both sizes when the archive has another one than the index says;
    ///   `unsupported` for an index of a later version.
    package init(_ source: any RangedSource, of archive: (any RangedSource)? = nil) throws(Fault) {
        reader = RowReader(gzip: source)
        keepsMembers = archive != nil
        try readHeader()
        if let archive, archive.size != index.header.size {
            throw Fault(.damaged, "\(archive.name): has \(archive.size) bytes, the index says \(index.header.size)")
        }
        try readMembers()
    }

    /// Reads the header alone.
    private init(headerOf source: any RangedSource) throws(Fault) {
        reader = RowReader(gzip: source)
        keepsMembers = false
        try readHeader()
    }

    /// The header of an index, of which no more is read.
    ///
    /// - Throws: as ``init(_:of:)``.
    static func header(of source: any RangedSource) throws(Fault) -> ArchiveIndex.Header {
        try ArchiveIndexReader(headerOf: source).index.header
    }

    private func readHeader() throws(Fault) {
        guard try reader.next(), reader.field(0, is: "#coldchain-index") else {
            throw reader.fault("is no coldchain index")
        }
        guard try reader.int(1) == Int64(ArchiveIndex.version) else {
            throw Fault(.unsupported, "\(reader.name): is an index of version \(try reader.text(1)), not 1")
        }
        while true {
            guard try reader.next() else { throw reader.fault("ends in the header") }
            if reader.field(0, is: "#members") { break }
            switch try reader.text(0) {
            case "tool": index.header.tool = try reader.text(1)
            case "job": index.header.job = try reader.text(1)
            case "run": index.header.run = try reader.text(1)
            case "tenant": index.header.tenant = try reader.text(1)
            case "archive": index.header.archive = try reader.text(1)
            case "codec":
                guard let codec = MemberCodec(rawValue: try reader.text(1)) else {
                    throw Fault(
                        .unsupported, "\(reader.name): has the codec '\(try reader.text(1))', which is not known here")
                }
                index.header.codec = codec
                if codec != .gzip { index.header.madeBy = codec == .xz ? .liblzma : .none }
            case "library":
                let library = MemberLibrary(rawValue: try reader.text(1))
                // It only decides who proves; of a library that is not known here, anybody may.
                if let library, index.header.codec == .gzip { index.header.madeBy = library }
            case "size": index.header.size = try reader.int(1)
            case "sha256": index.header.sha256 = try reader.digest(1) ?? .zero
            case "tar_size": index.header.tarSize = try reader.int(1)
            case "entries": index.header.entries = try reader.int(1)
            case "digest_entry": index.header.digestEntry = try reader.bytes(1)
            case "part_size": index.header.partSize = try reader.int(1)
            default: continue  // a word of a later version
            }
        }
        let header = index.header
        guard header.size >= 0, header.tarSize >= 0, header.tarSize / mostInflated <= header.size,
            header.partSize > 0, parts <= PartTable.maximumParts
        else { throw reader.fault("an impossible size in the header") }
    }

    private var parts: Int64 {
        let header = index.header
        return header.size / header.partSize + (header.size % header.partSize == 0 ? 0 : 1)
    }

    /// How many bytes of tar a byte of the archive can stand for at the most.
    private var mostInflated: Int64 {
        switch index.header.codec {
        // 258 bytes of a match for 2 bits.
        case .gzip: 1_032
        // 2 MiB in a chunk of LZMA2, which has 7 bytes at the least.
        case .xz: 300_000
        case .none: 1
        }
    }

    /// Members that the tar can have at the most.
    ///
    /// Two that follow each other hold more than one's fill together, but for the little that may stand before and behind
    /// an entry that is larger than a member.
    private var mostMembers: Int64 { 4 * (index.header.tarSize / Int64(Block.memberSize) + 1) }

    private func readMembers() throws(Fault) {
        guard try reader.next(), reader.field(0, is: "member") else { throw reader.fault("has no member table") }
        var offset: Int64 = 0
        var tarOffset: Int64 = 0
        var count: Int64 = 0
        while true {
            guard try reader.next() else { throw reader.fault("ends in the member table") }
            if reader.field(0, is: "#entries") { break }
            let member = ArchiveIndex.Member(
                offset: try reader.int(1), length: try reader.int(2), tarOffset: try reader.int(3),
                tarLength: try reader.int(4))
            guard member.offset == offset, member.tarOffset == tarOffset, member.length > 0, member.tarLength >= 0,
                member.length <= index.header.size - offset, member.tarLength <= index.header.tarSize - tarOffset
            else { throw reader.fault("the members do not follow each other") }
            count += 1
            guard count <= mostMembers else {
                throw reader.fault("has more than \(mostMembers) members, which its tar can't have")
            }
            offset += member.length
            tarOffset += member.tarLength
            if keepsMembers { index.members.append(member) }
        }
        guard offset == index.header.size, tarOffset == index.header.tarSize else {
            throw reader.fault("the members do not add up to the archive")
        }
        guard try reader.next(), reader.field(0, is: "entry") else { throw reader.fault("has no entry table") }
    }

    /// The next entry, or nothing once all have been read.
    package func next() throws(Fault) -> ArchiveIndex.Row? {
        if isAtEnd { return nil }
        guard try reader.next() else { throw reader.fault("ends in the entry table") }
        // An entry may have this name, too; its row has more than one field.
        if reader.fieldCount == 1 && reader.field(0, is: "#parts") {
            isAtEnd = true
            try readParts()
            return nil
        }
        let letters = try reader.bytes(1).bytes
        guard letters.count == 1, let kind = EntryKind(rawValue: letters[0]) else {
            throw reader.fault("unknown entry type '\(ByteString(bytes: letters))'")
        }
        let entry = Entry(
            key: try reader.bytes(0), kind: kind, size: try reader.int(2), modified: try reader.timestamp(3),
            mode: try reader.octal(4), uid: try reader.owner(5),
            gid: try reader.owner(6), link: try reader.bytes(7))
        let (offset, length, skip) = (try reader.int(11), try reader.int(12), try reader.int(13))
        guard entry.size >= 0, offset >= 0, length > 0, length <= index.header.size - offset, skip >= 0,
            skip <= Int64(Block.memberSize)
        else { throw reader.fault("an entry lies outside the archive") }
        return ArchiveIndex.Row(
            entry: entry, sha256: try reader.digest(8), host: try reader.text(9), key: try reader.bytes(10),
            range: offset..<(offset + length), skip: skip)
    }

    private func readParts() throws(Fault) {
        guard try reader.next(), reader.field(0, is: "part") else { throw reader.fault("has no part table") }
        var parts = PartTable(partSize: index.header.partSize)
        let expected = self.parts
        while try reader.next() {
            guard Int64(parts.digests.count) < expected else { throw reader.fault("has more than \(expected) parts") }
            guard let digest = try reader.digest(3) else { throw reader.fault("a part without a digest") }
            guard try reader.int(1) == Int64(parts.digests.count) * parts.partSize else {
                throw reader.fault("the parts do not follow each other")
            }
            parts.digests.append(digest)
        }
        guard Int64(parts.digests.count) == expected else {
            throw reader.fault("has \(parts.digests.count) parts, expected \(expected)")
        }
        index.parts = parts
    }

    /// Reads to the end, and gives the whole index but its entries.
    package func finish() throws(Fault) -> ArchiveIndex {
        while try next() != nil {}
        return index
    }
}
