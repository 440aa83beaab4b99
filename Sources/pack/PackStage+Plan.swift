import Archive
import Codec
import Ledger
import Logging
import Platform
import Settings
import Staging

extension PackStage {
    /// Plans the archives of some hosts.
    func collected(_ run: RunDirectory, _ hosts: [UnitRecord]) throws -> Collected {
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

    static func unplaced(_ key: ByteString, _ host: String, _ run: RunDirectory) -> Fault {
        Fault(
            .settings, "\(host): '\(key)' was collected, but the job's layout has no place for it now",
            hint: "The layout was changed since; run 'collect \(run.job.name) --run \(run.date) --force' first.")
    }

    /// Says in which archive an entry of a host lies, and under which name.
    func placing(
        _ run: RunDirectory
    ) -> (_ host: String, _ key: ByteString) throws(Fault) -> (archive: String, member: ByteString) {
        var placers: [String: Placer] = [:]
        return { (host: String, key: ByteString) throws(Fault) in
            var placer = placers[host] ?? job.placer(host: host, date: run.date)
            let placement = placer.place(key)
            placers[host] = placer
            guard case .archive(_, let name, let member) = placement else { throw Self.unplaced(key, host, run) }
            return (name, member)
        }
    }

    /// The units of the plan: each archive in its volumes.
    ///
    /// Hosts that are packed together stay together: one that came after an archive was closed goes to further volumes,
    /// behind those of the hosts before it.
    func units(_ collected: Collected, _ run: RunDirectory) throws(Fault) -> [Unit] {
        let place = placing(run)
        var units: [Unit] = []
        var names: Set<String> = []
        let packed = context.request.force ? try run.unitRecords(.pack) : []
        for archive in collected.plan.archives {
            var waiting = archive.shares
            var number = 1
            let isRemade = context.request.force && isSelectedWhole(archive, packed)
            while !waiting.isEmpty {
                let record =
                    isRemade && number == 1 ? nil : try run.unitRecord(.pack, Self.name(archive, number).base)
                let together: Set<String>? = record.map { Self.hosts(of: $0) }
                let shares = waiting.filter { together?.contains($0.host) ?? true }
                waiting.removeAll { share in shares.contains { $0.host == share.host } }
                if shares.isEmpty {
                    number += 1
                    continue
                }
                var piece = archive
                piece.restrict(to: shares)
                let volumes = try collected.plan.volumes(
                    of: piece, limit: job.maxArchive?.bytes, place: place)
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

    /// Whether all of an archive that was packed is selected, with its further volumes: only then can its hosts come
    /// together in one again.
    private func isSelectedWhole(_ archive: ArchivePlan.Archive, _ packed: [UnitRecord]) -> Bool {
        guard context.request.selects(archive.name, tenant: archive.tenant) else { return false }
        return packed.allSatisfy { record in
            guard record.unit.hasPrefix("\(archive.name).v"),
                record.unit.dropFirst(archive.name.count + 2).allSatisfy(\.isNumber)
            else { return true }
            return context.request.selects(record.unit, tenant: record.tenant)
        }
    }

    /// The name of a volume: that of the archive for the first, `NAME.v2` and so on for further ones.
    private static func name(_ archive: ArchivePlan.Archive, _ number: Int) -> ArchiveName {
        ArchiveName(number == 1 ? archive.name : "\(archive.name).v\(number)", archive.compression.codec)
    }

    /// The hosts that were packed together with those in a volume.
    static func hosts(of record: UnitRecord) -> Set<String> {
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
    ///
    /// Where a volume ends may differ from one version to the next: what lies in it is compared, too, since an entry between
    /// volumes of two versions would be in none.
    func doneRecord(_ unit: Unit, _ run: RunDirectory) throws(Fault) -> UnitRecord? {
        guard let record = try run.unitRecord(.pack, unit.name.base) else { return nil }
        // Other settings don't matter for what every vault holds: its content is not here to be packed anew.
        let lists = { (inputs: [String: String]) in inputs.filter { $0.key.hasPrefix("list.") } }
        if lists(record.inputs) == lists(unit.inputs), try run.pruneMark().time(of: record) != nil { return record }
        guard record.inputs == unit.inputs, record.hosts.map({ $0 == unit.shares }) ?? true else { return nil }
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

    /// The records of archives on staging that the plan no longer has: hosts collected anew may bring others.
    ///
    /// What the command line does not select stays for an attempt that does.
    func orphans(_ units: [Unit], _ run: RunDirectory) throws(Fault) -> (selected: [UnitRecord], left: [UnitRecord]) {
        let planned = Set(units.map(\.name.base))
        var orphans: (selected: [UnitRecord], left: [UnitRecord]) = ([], [])
        let mark = try run.pruneMark()
        for record in try run.unitRecords(.pack) where !planned.contains(record.unit) && mark.time(of: record) == nil {
            if context.request.selects(record.unit, tenant: record.tenant) {
                orphans.selected.append(record)
            } else {
                orphans.left.append(record)
            }
        }
        return orphans
    }

    /// Removes an archive that the plan no longer has, its record first.
    func remove(_ record: UnitRecord, _ run: RunDirectory) throws(Fault) {
        context.log.notice("\(record.unit): is not in the plan any more, removed from staging")
        try run.removeRecord(.pack, record.unit)
        for output in record.outputs {
            let (directories, name) = ArchiveName.split(output.path)
            let directory = try run.directory.descendCreating(directories.map { ByteString($0) })
            try directory.removeIfPresent(ByteString(name))
        }
    }
}
