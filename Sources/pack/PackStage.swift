import Archive
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging

/// The pack stage: joins the collected hosts on staging with archives.
struct PackStage: Sendable {
    /// An archive to be: a name of the plan, or a further volume of it for hosts that came late.
    private struct Unit: Sendable {
        let name: ArchiveName
        let archive: ArchivePlan.Archive
        let inputs: [String: String]
    }

    /// The collected hosts of a run with the digests of their lists.
    private struct Collected {
        var lists: [String: Digest256] = [:]
        var plan: ArchivePlan
    }

    private let context: StageContext
    private let job: JobSettings

    init(_ context: StageContext) {
        self.context = context
        job = context.job
    }

    /// Packs every pending run, oldest first, and what collect brings meanwhile.
    ///
    /// - Parameter following: follows collect; without it what has been collected is all.
    /// - Returns: what came of the runs.
    /// - Throws: `tryLater` when there is nothing to work on yet; what keeps all runs from being worked on.
    func run(_ following: Following?) throws(Fault) -> StageResult {
        guard let following else { return try runPending() }
        return try following.run(pending: runPending, follow: follow)
    }

    private func runPending() throws(Fault) -> StageResult {
        let runs = try PendingRuns(context).after(.collect, for: .pack)
        let result = try StageResult(of: runs, pack)
        if result.records.isEmpty { try PendingRuns(context).checkSelection(wasPending: !runs.isEmpty) }
        return result
    }

    /// Gives nothing for a run in which nothing is selected.
    private func pack(_ run: RunDirectory) throws -> StageRecord? {
        let attempt = try StageAttempt(.pack, of: run, context)
        guard let upstream = try run.stageRecord(.collect)?.attempt else {
            throw Fault(.tryLater, "run \(run.date) has not been collected")
        }
        return try attempt.recordingFailure(upstream: upstream) { try pack(run, attempt, upstream) }
    }

    // MARK: Together with collect

    /// Packs the hosts of a run as collect records them, and all that is left once it has ended.
    private func follow(_ upstream: UpstreamAttempt) throws -> StageRecord? {
        let run = upstream.run
        let attempt = try StageAttempt(.pack, of: run, context)
        return try attempt.recordingFailure(upstream: upstream.id) {
            try attempt.open(upstream: upstream.id, units: 0, before: [])
            let end = try Following.follow(upstream) { hosts in
                // An archive of several hosts is closed when no more can come.
                guard job.archive.variables.contains(.host) else { return }
                try packArrived(hosts, run, attempt)
            }
            guard case .ended(let collect) = end else {
                attempt.postpone(upstream.death.message)
                _ = try attempt.close(isComplete: false)
                throw upstream.death
            }
            guard let record = try pack(run, attempt, upstream.id) else {
                return try attempt.close(isComplete: false)
            }
            try Following.checkComplete(record, of: collect, run)
            return record
        }
    }

    private func packArrived(_ hosts: [UnitRecord], _ run: RunDirectory, _ attempt: StageAttempt) throws {
        let collected = try collected(run, hosts)
        let arrived = try units(collected, run).filter {
            context.request.selects($0.name.base, tenant: $0.archive.tenant)
        }
        var pending: [Unit] = []
        for unit in arrived where try context.request.force || doneRecord(unit, run) == nil { pending.append(unit) }
        try perform(pending, collected.plan.spool, run, attempt)
    }

    // MARK: A run that has been collected

    private func pack(_ run: RunDirectory, _ attempt: StageAttempt, _ upstream: String) throws -> StageRecord? {
        if let record = try recordIfPruned(run, attempt, upstream) { return record }
        let collected = try collected(run, try run.unitRecords(.collect))
        let all = try units(collected, run)
        if context.request.isNarrowed,
            !all.contains(where: { context.request.selects($0.name.base, tenant: $0.archive.tenant) })
        {
            return nil
        }
        try removeOrphans(all, run)
        var pending: [Unit] = []
        var before: [UnitRecord] = []
        var left: [String] = []
        for unit in all {
            let isSelected = context.request.selects(unit.name.base, tenant: unit.archive.tenant)
            if let record = try doneRecord(unit, run), record.attempt == attempt.id { continue }
            if attempt.hasFailed(unit.name.base) { continue }
            if !(isSelected && context.request.force), let record = try doneRecord(unit, run) {
                before.append(record)
            } else if isSelected {
                pending.append(unit)
            } else {
                left.append(unit.name.base)
            }
        }
        let open = pending.map(\.name.base) + left
        if let previous = attempt.previousIfComplete(upstream: upstream, pending: open.count) { return previous }
        try attempt.open(upstream: upstream, units: all.count, before: before, open: open)
        try perform(pending, collected.plan.spool, run, attempt)
        return try attempt.close(isComplete: left.isEmpty)
    }

    /// Gives a record for a run whose content every vault holds, and staging no more: there is nothing to be done, whatever
    /// the settings say now.
    private func recordIfPruned(_ run: RunDirectory, _ attempt: StageAttempt, _ upstream: String) throws -> StageRecord?
    {
        let mark = try run.pruneMark()
        let hosts = try run.unitRecords(.collect)
        let packed = try run.unitRecords(.pack)
        guard !context.request.force, !packed.isEmpty, hosts.allSatisfy({ mark.time(of: $0) != nil }) else {
            return nil
        }
        let known = Set(packed.flatMap { Self.hosts(of: $0) })
        // A host whose entries were all carried is in no archive.
        guard hosts.allSatisfy({ known.contains($0.unit) || $0.counts["taken"] ?? 0 == 0 }) else { return nil }
        if let previous = attempt.previousIfComplete(upstream: upstream, pending: 0) { return previous }
        try attempt.open(upstream: upstream, units: packed.count, before: packed)
        return try attempt.close(isComplete: true)
    }

    /// Writes archives, several at once.
    private func perform(
        _ pending: [Unit], _ spool: SpooledEntries, _ run: RunDirectory, _ attempt: StageAttempt
    ) throws {
        if pending.isEmpty { return }
        let workers = context.configuration.workers
        let atOnce = max(2, workers)
        let crew = try CompressorCrew(workers: workers, archives: atOnce)
        let writer = ArchiveWriter(crew: crew, scratch: context.staging.scratch)
        do {
            try attempt.perform(pending, atOnce: atOnce, name: { $0.name.base }) { unit in
                try write(unit, spool, run, writer, attempt: attempt.id)
            }
        } catch {
            try? crew.finish()
            throw error
        }
        try crew.finish()
    }

    // MARK: Planning

    /// Plans the archives of some hosts.
    private func collected(_ run: RunDirectory, _ hosts: [UnitRecord]) throws -> Collected {
        let directory = try run.collectDirectory()
        var lists: [String: Digest256] = [:]
        var sources: [ArchivePlan.Source] = []
        for record in hosts.sorted(by: { $0.unit < $1.unit }) {
            guard let output = record.outputs.first else { continue }
            let list = try FileSource(
                try directory.openFile(ByteString(ArchiveName.split(output.path).name)))
            guard try SHA256Hasher.digest(of: list) == output.sha256 else {
                throw Fault(
                    .damaged, "\(list.name): the entry list is not the one that its record names",
                    hint: "Run 'collect \(job.name) --run \(run.date) --only \(record.unit) --force'.")
            }
            lists[record.unit] = output.sha256
            let host = record.unit
            var placer = job.placer(host: host, date: run.date)
            sources.append(
                .init(host: host, list: try EntryListReader(list)) {
                    (key: ByteString) throws(Fault) -> (archive: String, tenant: String) in
                    guard case .archive(let tenant, let name, _) = placer.place(key) else {
                        throw Self.unplaced(key, host, run)
                    }
                    return (name, tenant)
                })
        }
        let plan = try ArchivePlan(
            sources, compression: { job.compression(forTenant: $0) }, scratch: context.staging.scratch)
        return Collected(lists: lists, plan: plan)
    }

    private static func unplaced(_ key: ByteString, _ host: String, _ run: RunDirectory) -> Fault {
        Fault(
            .settings, "\(host): '\(key)' was collected, but the job's layout has no place for it now",
            hint: "The layout was changed since; run 'collect \(run.job.name) --run \(run.date) --force' first.")
    }

    /// The units of the plan: each archive in its volumes.
    ///
    /// Hosts that are packed together stay together: one that came after an archive was closed goes to further volumes,
    /// behind those of the hosts before it.
    private func units(_ collected: Collected, _ run: RunDirectory) throws(Fault) -> [Unit] {
        var units: [Unit] = []
        var names: Set<String> = []
        for archive in collected.plan.archives {
            var waiting = archive.shares
            var number = 1
            while !waiting.isEmpty {
                let record =
                    context.request.force && number == 1
                    ? nil : try run.unitRecord(.pack, Self.name(archive, number).base)
                let together: Set<String>? = record.map { Self.hosts(of: $0) }
                let shares = waiting.filter { together?.contains($0.host) ?? true }
                waiting.removeAll { share in shares.contains { $0.host == share.host } }
                if shares.isEmpty {
                    number += 1
                    continue
                }
                var piece = archive
                piece.restrict(to: shares)
                let volumes = try collected.plan.volumes(of: piece, limit: job.maxArchive?.bytes)
                for (index, volume) in volumes.enumerated() {
                    let name = Self.name(archive, number)
                    guard names.insert(name.base).inserted else { throw Self.collides(name) }
                    var inputs = inputs(piece, collected)
                    if volumes.count > 1 {
                        inputs["volume"] = "\(index + 1) of \(volumes.count)"
                        inputs["max_archive"] = job.maxArchive?.description
                    }
                    units.append(Unit(name: name, archive: volume, inputs: inputs))
                    number += 1
                }
            }
        }
        return units
    }

    /// The name of a volume: that of the archive for the first, `NAME.v2` and so on for further ones.
    private static func name(_ archive: ArchivePlan.Archive, _ number: Int) -> ArchiveName {
        ArchiveName(number == 1 ? archive.name : "\(archive.name).v\(number)", archive.compression.codec)
    }

    /// The hosts that were packed together with those in a volume.
    private static func hosts(of record: UnitRecord) -> Set<String> {
        Set(record.inputs.keys.filter { $0.hasPrefix("list.") }.map { String($0.dropFirst("list.".count)) })
    }

    private static func collides(_ name: ArchiveName) -> Fault {
        Fault(
            .settings, "two archives of the run would be named '\(name)': one that is split, and one of that name",
            hint: "Make the job's 'archive' template tell them apart.")
    }

    private func inputs(_ archive: ArchivePlan.Archive, _ collected: Collected) -> [String: String] {
        var inputs = [
            "layout": job.layout.description, "unmatched": job.unmatched.description,
            "archive": job.archive.description, "member": job.member.description,
            "level": "\(archive.compression.level)",
        ]
        // Records of earlier versions, which knew gzip alone, do not have the word.
        if archive.compression.codec != .gzip { inputs["codec"] = archive.compression.codec.rawValue }
        for share in archive.shares { inputs["list.\(share.host)"] = collected.lists[share.host]?.description }
        return inputs
    }

    /// The record of an archive that is there, whole, and made from the same lists.
    private func doneRecord(_ unit: Unit, _ run: RunDirectory) throws(Fault) -> UnitRecord? {
        guard let record = try run.unitRecord(.pack, unit.name.base) else { return nil }
        // Other settings don't matter for what every vault holds: its content is not here to be packed anew.
        let lists = { (inputs: [String: String]) in inputs.filter { $0.key.hasPrefix("list.") } }
        if lists(record.inputs) == lists(unit.inputs), try run.pruneMark().time(of: record) != nil { return record }
        guard record.inputs == unit.inputs else { return nil }
        for output in record.outputs {
            let (directories, name) = ArchiveName.split(output.path)
            do {
                let directory = try run.directory.descend(directories.map { ByteString($0) })
                guard try directory.status(ByteString(name)).size == output.size else { return nil }
            } catch {
                if error.code == .notFound { return nil }
                throw error
            }
        }
        return record
    }

    /// Removes archives of this run on staging that the plan no longer has: hosts collected anew may bring others.
    private func removeOrphans(_ units: [Unit], _ run: RunDirectory) throws(Fault) {
        let planned = Set(units.map(\.name.base))
        let mark = try run.pruneMark()
        for record in try run.unitRecords(.pack) where !planned.contains(record.unit) && mark.time(of: record) == nil {
            context.log.notice("\(record.unit): is not in the plan any more, removed from staging")
            try run.removeRecord(.pack, record.unit)
            for output in record.outputs {
                let (directories, name) = ArchiveName.split(output.path)
                let directory = try run.directory.descendCreating(directories.map { ByteString($0) })
                try directory.removeIfPresent(ByteString(name))
            }
        }
    }

    // MARK: One archive

    private func write(
        _ unit: Unit, _ spool: SpooledEntries, _ run: RunDirectory, _ writer: ArchiveWriter, attempt: String
    ) throws -> StageAttempt.Outcome {
        let startedAt = context.clock.now().rfc3339
        let began = Clock.monotonic()
        let collectDirectory = try run.collectDirectory()
        var placers: [String: Placer] = [:]
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
            place: { (host: String, key: ByteString) throws(Fault) -> (archive: String, member: ByteString) in
                var placer = placers[host] ?? job.placer(host: host, date: run.date)
                let placement = placer.place(key)
                placers[host] = placer
                guard case .archive(_, let name, let member) = placement else {
                    throw Self.unplaced(key, host, run)
                }
                return (name, member)
            })
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
        record.hosts = unit.archive.shares.map {
            .init(host: $0.host, firstKey: PathEscape.escape($0.firstKey), entries: $0.entries)
        }
        (record.bytesIn, record.bytesOut) = (written.contentBytes, header.size)
        try run.write(record)
        context.log.info(
            "\(unit.name.archive): \(Figures.count(header.entries, "entry", "entries")), \(Figures.bytes(written.contentBytes)) to \(Figures.bytes(header.size)) (\(Figures.ratio(written.contentBytes, header.size))), \(Figures.seconds(Clock.monotonic() - began))"
        )
        return .init(bytesIn: written.contentBytes, bytesOut: header.size)
    }

    // MARK: Dry run

    private struct DryRun: Codable {
        var run: String
        var archive: String
        var tenant: String
        var hosts: [String]
        var entries: Int64
        var bytes: Int64
        /// False when the archive is there already, made from the same lists.
        var isPending: Bool
        /// Why it can't be packed.
        var refusal: String?
    }

    /// Prints the archives that a run would write.
    func dryRun(_ output: Output) throws -> Int32 {
        var results: [DryRun] = []
        let runs = try PendingRuns(context).after(.collect, for: .pack)
        for run in runs {
            for unit in try units(try collected(run, try run.unitRecords(.collect)), run)
            where context.request.selects(unit.name.base, tenant: unit.archive.tenant) {
                var result = DryRun(
                    run: run.date.description, archive: unit.name.archive, tenant: unit.archive.tenant,
                    hosts: unit.archive.shares.map(\.host), entries: unit.archive.entries,
                    bytes: unit.archive.bytes, isPending: try context.request.force || doneRecord(unit, run) == nil)
                do { _ = try PartTable.partSize(forTar: unit.archive.tarSize) } catch { result.refusal = error.message }
                results.append(result)
            }
        }
        if results.isEmpty { try PendingRuns(context).checkSelection(wasPending: !runs.isEmpty) }
        try output.result(results) {
            if results.isEmpty { return "nothing to pack" }
            var table = TextTable(["RUN", "ARCHIVE", "ENTRIES", "CONTENT", "HOSTS", ""], right: [2, 3])
            for result in results {
                table.add([
                    result.run, result.archive, "\(result.entries)", Figures.bytes(result.bytes),
                    result.hosts.joined(separator: ","),
                    result.refusal.map { "would fail: \($0)" } ?? (result.isPending ? "would be packed" : "is done"),
                ])
            }
            return table.text
        }
        return ExitStatus.done
    }
}
