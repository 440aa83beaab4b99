import Codec
import Ledger
import Platform

/// The writing end of an archive: takes its blocks in order, writes them, and computes the digests of the whole and of
/// the upload parts, the member table and the index rows.
final class ArchiveOutput {
    let file: File
    private(set) var members: [ArchiveIndex.Member] = []
    private(set) var parts: PartTable
    private var partHasher = SHA256Hasher()
    private var partFill: Int64 = 0
    private var wholeHasher = SHA256Hasher()
    private var size: Int64 = 0
    private var tarSize: Int64 = 0
    let rows: ArchiveIndexWriter

    init(_ file: File, partSize: Int64, rows: ArchiveIndexWriter) {
        self.file = file
        self.rows = rows
        parts = PartTable(partSize: partSize)
    }

    func write(_ block: Block) throws(Fault) {
        if let fault = block.fault { throw fault }
        try file.write(block.output.contents)
        members.append(
            .init(
                offset: size, length: Int64(block.output.count), tarOffset: tarSize,
                tarLength: Int64(block.input.count)))
        size += Int64(block.output.count)
        tarSize += Int64(block.input.count)
        wholeHasher.update(block.output.contents)
        var rest = block.output.contents
        while !rest.isEmpty {
            let count = Int(min(Int64(rest.count), parts.partSize - partFill))
            partHasher.update(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            partFill += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if partFill == parts.partSize { endPart() }
        }
        try rows.write(block, members: members)
    }

    private func endPart() {
        parts.digests.append(partHasher.finish())
        partHasher = SHA256Hasher()
        partFill = 0
    }

    /// Completes the tables once all blocks are written.
    func finish(into index: inout ArchiveIndex) {
        if partFill > 0 { endPart() }
        index.members = members
        index.parts = parts
        index.header.partSize = parts.partSize
        index.header.size = size
        index.header.tarSize = tarSize
        index.header.sha256 = wholeHasher.finish()
    }
}
