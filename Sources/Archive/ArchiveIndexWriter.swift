import Codec
import Ledger
import Platform

/// Writes an index.
///
/// Entry rows come while the archive is written, the other tables stand before and behind them and are known only at its
/// end: the rows wait compressed in a scratch file.
final class ArchiveIndexWriter {
    private let scratch: File
    private let rows: GzipWriter
    private var row = RowWriter()

    /// Makes the scratch file in which the entry rows wait.
    ///
    /// - Parameter directory: a local directory for the scratch file.
    /// - Throws: the system's fault when the file can't be made; `limit` when there is no memory for a compressor.
    init(scratch directory: Directory) throws(Fault) {
        scratch = try directory.unnamedFile()
        rows = try GzipWriter(scratch)
    }

    /// The columns of an entry row but for its place, which is known once its members are written.
    static func writeStart(
        of entry: Entry, link: ByteString, sha256: Digest256?, host: String, key: ByteString, to row: inout RowWriter
    ) {
        row.field(entry.key)
        row.field(entry.kind.letter)
        row.field(entry.size)
        row.field(entry.modified)
        row.field(octal: entry.mode)
        row.field(Int64(entry.uid))
        row.field(Int64(entry.gid))
        row.field(link)
        row.field(sha256)
        row.field(host)
        row.field(key)
    }

    /// Writes the rows of a block that has been written to the archive.
    ///
    /// - Parameters:
    ///   - block: the block, with the rows of the entries that end in it.
    ///   - members: the members so far, the block's own last.
    /// - Throws: the system's fault, such as `noSpace`, when the scratch file can't be written.
    func write(_ block: Block, members: [ArchiveIndex.Member]) throws(Fault) {
        var start = 0
        guard let last = members.last else { return }
        let end = last.offset + last.length
        for rowEnd in block.rowEnds {
            row.append(raw: block.rows[start..<rowEnd.end])
            let offset = members[rowEnd.firstMember].offset
            row.field(offset)
            row.field(end - offset)
            row.field(Int64(rowEnd.skip))
            row.endRow()
            start = rowEnd.end
        }
        try rows.write(&row)
    }

    /// Writes the whole index to `file` and returns its digest.
    func finish(_ index: ArchiveIndex, to file: File) throws(Fault) -> (size: Int64, sha256: Digest256) {
        _ = try rows.finish()
        let start = try GzipWriter(file)
        let header = index.header
        row.field("#coldchain-index")
        row.field(Int64(ArchiveIndex.version))
        row.endRow()
        row.pair("tool", header.tool)
        row.pair("job", header.job)
        row.pair("run", header.run)
        row.pair("tenant", header.tenant)
        row.pair("archive", header.archive)
        row.pair("codec", header.codec.rawValue)
        row.pair("library", header.madeBy.rawValue)
        row.pair("size", header.size)
        row.pair("sha256", header.sha256.description)
        row.pair("tar_size", header.tarSize)
        row.pair("entries", header.entries)
        row.field("digest_entry")
        row.field(header.digestEntry)
        row.endRow()
        row.pair("part_size", header.partSize)
        row.heading("#members", ["member", "offset", "length", "tar_offset", "tar_length"])
        for (number, member) in index.members.enumerated() {
            for value in [Int64(number), member.offset, member.length, member.tarOffset, member.tarLength] {
                row.field(value)
            }
            row.endRow()
            if row.bytes.count > 1 << 16 { try start.write(&row) }
        }
        row.heading("#entries", ArchiveIndex.entryColumns)
        try start.write(&row)
        _ = try start.finish()
        let source = try FileSource(scratch)
        let buffer = Buffer(capacity: 1 << 20)
        var offset: Int64 = 0
        while offset < source.size {
            buffer.count = try source.read(into: buffer.bytes, at: offset)
            guard buffer.count > 0 else { throw Fault(.changed, "\(source.name): is shorter than written") }
            try file.write(buffer.contents)
            offset += Int64(buffer.count)
        }
        let parts = try GzipWriter(file)
        row.heading("#parts", ["part", "offset", "length", "sha256"])
        for (number, digest) in index.parts.digests.enumerated() {
            let start = Int64(number) * index.parts.partSize
            row.field(Int64(number + 1))
            row.field(start)
            row.field(min(index.parts.partSize, index.header.size - start))
            row.field(digest)
            row.endRow()
        }
        try parts.write(&row)
        _ = try parts.finish()
        let written = try FileSource(file)
        return (written.size, try SHA256Hasher.digest(of: written))
    }
}

extension RowWriter {
    fileprivate mutating func pair(_ word: StaticString, _ value: String) {
        field(word)
        field(value)
        endRow()
    }

    fileprivate mutating func pair(_ word: StaticString, _ value: Int64) {
        field(word)
        field(value)
        endRow()
    }

    fileprivate mutating func heading(_ marker: StaticString, _ columns: [String]) {
        field(marker)
        endRow()
        for column in columns { field(column) }
        endRow()
    }
}
