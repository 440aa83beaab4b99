import Archive
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging

extension PackStage {
    /// Writes one archive with what stands beside it, and its record last.
    func write(
        _ unit: Unit, _ spool: SpooledEntries, _ run: RunDirectory, _ writer: ArchiveWriter, attempt: String
    ) throws -> StageAttempt.Outcome {
        let startedAt = context.clock.now().rfc3339
        let began = Clock.monotonic()
        let collectDirectory = try run.collectDirectory()
        let request = ArchiveWriter.Request(
            name: unit.name, job: job.name, run: run.date, tool: context.tool, plan: unit.archive,
            partSize: try PartTable.partSize(forTar: unit.archive.tarSize), spool: spool,
            tree: { (host: String) throws(Fault) -> StagedTree in
                do throws(Fault) { return StagedTree(try collectDirectory.directory(ByteString(host))) } catch {
                    guard error.code == .notFound, let record = try run.unitRecord(.collect, host),
                        let at = try run.pruneMark().time(of: record)
                    else { throw error }
                    throw PruneMark.fault(host, at: at, run)
                }
            },
            place: placing(run))
        if let limit = job.maxArchive?.bytes, unit.archive.tarSize > limit, unit.archive.entries == 1 {
            context.log.notice(
                "\(unit.name): has one file that is larger than 'max_archive', in a volume of its own")
        }
        let (directories, leaf) = ArchiveName.split(unit.name.base)
        let directory = try run.packDirectory().descendCreating(directories.map { ByteString($0) })
        try run.removeRecord(.pack, unit.name.base)
        // What stands beside an archive that was made before describes other bytes than those that come now, and one of
        // another codec is named by no record any more.
        let names = ArchiveName(leaf, unit.name.codec)
        let others = MemberCodec.allCases.filter { $0 != names.codec }.map { ArchiveName(leaf, $0).archive }
        for name in [names.digests, names.index] + others { try directory.removeIfPresent(ByteString(name)) }
        let written = try writer.write(request, in: directory)
        let header = written.index.header
        let place = (["pack"] + directories).joined(separator: "/") + "/"
        let digests = try directory.readFile(ByteString(names.digests))
        var record = UnitRecord(
            job: job.name, run: run.date.description, stage: .pack, unit: unit.name.base, attempt: attempt,
            tool: context.tool, startedAt: startedAt, finishedAt: context.clock.now().rfc3339, inputs: unit.inputs,
            outputs: [
                .init(path: place + names.archive, size: header.size, sha256: header.sha256),
                .init(path: place + names.index, size: written.indexSize, sha256: written.indexDigest),
                .init(
                    path: place + names.digests, size: Int64(digests.count), sha256: SHA256Hasher.digest(of: digests)),
            ],
            counts: [
                "entries": header.entries, "bytes.content": written.contentBytes, "bytes.tar": header.tarSize,
                "members": Int64(written.index.members.count), "parts": Int64(written.index.parts.digests.count),
            ])
        record.tenant = unit.archive.tenant
        record.hosts = unit.shares
        (record.bytesIn, record.bytesOut) = (written.contentBytes, header.size)
        try run.write(record)
        context.log.info(
            "\(unit.name.archive): \(Figures.count(header.entries, "entry", "entries")), \(Figures.bytes(written.contentBytes)) to \(Figures.bytes(header.size)) (\(Figures.ratio(written.contentBytes, header.size))), \(Figures.seconds(Clock.monotonic() - began))"
        )
        return .init(bytesIn: written.contentBytes, bytesOut: header.size)
    }
}
