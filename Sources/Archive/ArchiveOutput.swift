import Codec
import Ledger
import Platform

/// The writing end of an archive: takes its blocks in order, writes them, and computes the digests of the whole and of
/// the upload parts, the member table and the index rows.
final class ArchiveOutput {
    let file: File
    private(set) var members: [ArchiveIndex.Member] = []
    private let partSize: Int64
    private let digests: ArchiveDigests
    private var size: Int64 = 0
    /// Up to where the kernel was asked to write.
    private var started: Int64 = 0
    private var tarSize: Int64 = 0
    let rows: ArchiveIndexWriter

    /// How much is written before the medium is asked to take it: the compressors don't wait for it at the end then.
    private static let stride: Int64 = 8 << 20

    init(_ file: File, partSize: Int64, rows: ArchiveIndexWriter) {
        self.file = file
        self.rows = rows
        self.partSize = partSize
        digests = ArchiveDigests(partSize: partSize)
    }

    func write(_ block: Block) throws(Fault) {
        if let fault = block.fault { throw fault }
        try file.write(block.output.contents)
        members.append(
            .init(
                offset: size, length: Int64(block.output.count), tarOffset: tarSize,
                tarLength: Int64(block.input.count)))
        size += Int64(block.output.count)
        if size - started >= Self.stride {
            file.startWriting(offset: started, length: size - started)
            started = size
        }
        tarSize += Int64(block.input.count)
        digests.update(block.output.contents)
        try rows.write(block, members: members)
    }

    /// Completes the tables once all blocks are written.
    func finish(into index: inout ArchiveIndex) {
        digests.finish()
        index.members = members
        index.parts = PartTable(partSize: partSize, digests: digests.parts)
        index.header.partSize = partSize
        index.header.size = size
        index.header.tarSize = tarSize
        index.header.sha256 = digests.whole
    }
}
