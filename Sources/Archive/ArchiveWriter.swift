package import Codec
package import Ledger
package import Platform

/// Writes one archive: entries in the order of the plan through libarchive into members, with index and digests.
///
/// The calling thread reads content and makes tar, the crew's threads compress, one more thread writes in order. Same
/// input gives the same bytes, whatever the number of workers; memory is the crew's pool.
package struct ArchiveWriter {
    /// What an archive is made of.
    package struct Request {
        package var name: ArchiveName
        package var job: String
        package var run: CivilDate
        package var tool: String
        package var plan: ArchivePlan.Archive
        /// Bytes of an upload part.
        package var partSize: Int64
        package var spool: SpooledEntries
        /// Opens a host's staged content.
        package var tree: (_ host: String) throws(Fault) -> StagedTree
        /// Where an entry belongs: the archive's name and the name inside the tar.
        package var place: (_ host: String, _ key: ByteString) throws(Fault) -> (archive: String, member: ByteString)

        package init(
            name: ArchiveName, job: String, run: CivilDate, tool: String, plan: ArchivePlan.Archive,
            partSize: Int64, spool: SpooledEntries, tree: @escaping (String) throws(Fault) -> StagedTree,
            place: @escaping (String, ByteString) throws(Fault) -> (archive: String, member: ByteString)
        ) {
            self.name = name
            self.job = job
            self.run = run
            self.tool = tool
            self.plan = plan
            self.partSize = partSize
            self.spool = spool
            self.tree = tree
            self.place = place
        }
    }

    /// What was written.
    package struct Written: Sendable {
        package var index: ArchiveIndex
        package var indexSize: Int64
        package var indexDigest: Digest256
        package var contentBytes: Int64
    }

    private let crew: CompressorCrew
    private let scratch: Directory

    /// Takes what all archives have in common.
    ///
    /// - Parameters:
    ///   - crew: compresses the blocks; archives that are written at once share it.
    ///   - scratch: a local directory for files without names.
    package init(crew: CompressorCrew, scratch: Directory) {
        self.crew = crew
        self.scratch = scratch
    }

    /// Writes the archive, its index and its digest file into `directory`, in this order, each whole or not at all.
    ///
    /// - Throws: `damaged` when staged content is not what the entry list says, naming file, host and both digests;
    ///   `settings` when two sources have one name; the system's fault when writing fails.
    package func write(_ request: Request, in directory: Directory) throws(Fault) -> Written {
        let leaf = ArchiveName(ArchiveName.split(request.name.base).name, request.plan.compression.codec)
        let pending = try PendingFile(ByteString(leaf.archive), in: directory, mode: 0o640)
        let output = Handed(
            ArchiveOutput(
                pending.file, partSize: request.partSize, rows: try ArchiveIndexWriter(scratch: scratch)))
        var index = ArchiveIndex()
        let contentBytes = try stream(request, to: output, header: &index.header)
        output.value.finish(into: &index)
        index.header.codec = request.plan.compression.codec
        index.header.madeBy = MemberLibrary(making: request.plan.compression)
        index.header.tool = request.tool
        index.header.job = request.job
        index.header.run = request.run.description
        index.header.tenant = request.plan.tenant
        index.header.archive = request.name.base

        try pending.commit()
        let indexFile = try PendingFile(ByteString(leaf.index), in: directory, mode: 0o640)
        let (indexSize, indexDigest) = try output.value.rows.finish(index, to: indexFile.file)
        try indexFile.commit()
        let digests = "\(index.header.sha256)  \(leaf.archive)\n\(indexDigest)  \(leaf.index)\n"
        try PendingFile.write(Array(digests.utf8), to: ByteString(leaf.digests), in: directory)
        return Written(index: index, indexSize: indexSize, indexDigest: indexDigest, contentBytes: contentBytes)
    }

    /// Sends all entries through the pipeline and waits until every block is written.
    private func stream(
        _ request: Request, to output: Handed<ArchiveOutput>, header: inout ArchiveIndex.Header
    ) throws(Fault) -> Int64 {
        let pool = crew.pool
        let window = OrderedWindow<Handed<Block>>(capacity: Int.max / 2)
        let cancel: @Sendable () -> Void = { for block in window.cancel() { pool.give(block) } }
        let writer = ThreadCrew(onFault: cancel)
        try writer.start("archive-writer") {
            while let block = window.take() {
                defer { pool.give(block) }
                try output.value.write(block.value)
            }
        }
        let compression = request.plan.compression
        let crew = crew
        let cutter = MemberCutter(
            take: { () throws(Fault) in
                guard let block = pool.take() else { throw Fault(.interrupted, "the pipeline was stopped") }
                block.value.clear()
                guard let number = window.admit() else {
                    pool.give(block)
                    throw Fault(.interrupted, "the archive's writer has failed")
                }
                block.value.number = number
                block.value.compression = compression
                return block.value
            },
            emit: { (block: Block) throws(Fault) in
                crew.submit(
                    .init(block: Handed(block)) { done in
                        if !window.deliver(done, for: done.value.number) { pool.give(done) }
                    })
            })
        do {
            var entries = try EntryStream(request, cutter: cutter, scratch: scratch)
            try entries.run()
            header.entries = entries.count
            header.digestEntry = entries.digestEntry
            window.finish()
            try writer.join()
            return entries.contentBytes
        } catch {
            if let block = cutter.abandon() { pool.give(Handed(block)) }
            cancel()
            // The writer's own fault is the reason when it has one.
            try writer.join()
            throw error
        }
    }
}
