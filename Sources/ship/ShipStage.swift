import Archive
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault

/// The ship stage: joins packed archives with the job's vaults, and commits the manifests of what they hold.
struct ShipStage: Sendable {
    /// One archive for one vault.
    private struct Unit: Sendable {
        let vault: OpenVault
        let packed: UnitRecord
    }

    private let context: StageContext
    private let job: JobSettings
    private let vaults: [OpenVault]
    /// Vaults of the job that can't be opened now: they keep the others from nothing, but the ledger waits for them.
    private let away: [AwayVault]
    private let layout: VaultLayout

    /// How many archives are copied at once; more would only make a disk seek.
    private static let atOnce = 2

    /// Opens the vaults.
    ///
    /// - Parameters:
    ///   - context: the job, and what the command line asked for.
    ///   - isDryRun: true to leave the records of the runs alone.
    /// - Throws: what opening the vaults throws, when none can be opened; the runs that wait are recorded as failed.
    init(_ context: StageContext, isDryRun: Bool) throws(Fault) {
        self.context = context
        job = context.job
        layout = VaultLayout(job: job.name)
        var vaults: [OpenVault] = []
        var away: [AwayVault] = []
        for settings in job.vaults {
            do { vaults.append(try .forWriting(settings, state: context.staging.state, log: context.log)) } catch {
                if error.code == .interrupted { throw error }
                away.append(AwayVault(name: settings.name, fault: error.within("vault \(settings.name)")))
            }
        }
        self.vaults = vaults
        self.away = away
        if vaults.isEmpty, let fault = AwayVault.joined(away) {
            if !isDryRun { Self.recordFailure(fault, context) }
            throw fault
        }
    }

    /// Lets status tell why the pending runs are not shipped.
    private static func recordFailure(_ fault: Fault, _ context: StageContext) {
        // Whatever hinders this, the fault itself is told on stderr.
        for run in (try? PendingRuns(context).after(.pack, for: .ship)) ?? [] {
            try? StageAttempt.recordFailure(
                fault, .ship, of: run, upstream: try run.stageRecord(.pack)?.attempt, context)
        }
    }

    /// The identities of the vaults by their names.
    private var identities: [String: String] {
        Dictionary(uniqueKeysWithValues: vaults.compactMap { vault in vault.identity.map { (vault.name, $0) } })
    }

    private func pendingRuns() throws(Fault) -> [RunDirectory] {
        try PendingRuns(context).after(.pack, for: .ship, vaults: identities)
    }

    /// Ships every pending run, oldest first: a later run may carry what an earlier one holds.
    ///
    /// - Parameter following: follows pack; without it what has been packed is all.
    /// - Returns: what came of the runs.
    /// - Throws: `tryLater` when there is nothing to work on yet; what keeps all runs from being worked on.
    func run(_ following: Following?) throws(Fault) -> StageResult {
        guard let following else { return try runPending() }
        return try following.run(pending: runPending, follow: follow)
    }

    private func runPending() throws(Fault) -> StageResult {
        let runs = try pendingRuns()
        let result = try StageResult(of: runs, ship)
        if result.records.isEmpty { try PendingRuns(context).checkSelection(wasPending: !runs.isEmpty) }
        return result
    }

    /// Gives nothing for a run in which nothing is selected.
    private func ship(_ run: RunDirectory) throws -> StageRecord? {
        let attempt = try StageAttempt(.ship, of: run, context)
        guard let upstream = try run.stageRecord(.pack)?.attempt else {
            throw Fault(.tryLater, "run \(run.date) has not been packed")
        }
        return try attempt.recordingFailure(upstream: upstream) { try ship(run, attempt, upstream) }
    }

    // MARK: Together with pack

    /// Ships the archives of a run as pack records them, and all that is left, with the manifests, once it has ended.
    private func follow(_ upstream: UpstreamAttempt) throws -> StageRecord? {
        let run = upstream.run
        let attempt = try StageAttempt(.ship, of: run, context)
        return try attempt.recordingFailure(upstream: upstream.id) {
            try attempt.open(upstream: upstream.id, units: 0, before: [], vaults: identities)
            let end = try Following.follow(upstream) { packed in
                var pending: [Unit] = []
                for vault in vaults {
                    for record in packed
                    where context.request.selects(record.unit, tenant: record.tenant) {
                        if try context.request.force || shippedRecord(record, run, vault) == nil {
                            pending.append(Unit(vault: vault, packed: record))
                        }
                    }
                }
                try perform(pending, run, attempt)
            }
            guard case .ended(let pack) = end else {
                attempt.postpone(upstream.death.message)
                _ = try attempt.close(isComplete: false)
                throw upstream.death
            }
            guard let record = try ship(run, attempt, upstream.id) else {
                return try attempt.close(isComplete: false)
            }
            try Following.checkComplete(record, of: pack, run)
            return record
        }
    }

    private func perform(_ pending: [Unit], _ run: RunDirectory, _ attempt: StageAttempt) throws(Fault) {
        try attempt.perform(pending, atOnce: Self.atOnce, name: { $0.packed.unit }) { unit in
            try ship(unit, run, attempt: attempt.id)
        }
    }

    // MARK: A run that has been packed

    private func ship(_ run: RunDirectory, _ attempt: StageAttempt, _ upstream: String) throws -> StageRecord? {
        let packed = try run.unitRecords(.pack)
        if context.request.isNarrowed, !packed.contains(where: { context.request.selects($0.unit, tenant: $0.tenant) })
        {
            return nil
        }
        let collected = try run.unitRecords(.collect)
        var pending: [Unit] = []
        var before: [UnitRecord] = []
        var left: [String] = []
        for vault in vaults {
            for record in packed {
                let isSelected = context.request.selects(record.unit, tenant: record.tenant)
                let shipped = try shippedRecord(record, run, vault)
                if shipped?.attempt == attempt.id || attempt.hasFailed(record.unit) { continue }
                if !(isSelected && context.request.force), let shipped {
                    before.append(shipped)
                } else if isSelected {
                    pending.append(Unit(vault: vault, packed: record))
                } else {
                    left.append(record.unit)
                }
            }
        }
        var manifests: [UnitRecord] = []
        // Archives that are shipped anew may get other names.
        for host in collected where try context.request.force || !isCommitted(host, packed, run) {
            manifests.append(host)
        }
        var lacking: [AwayVault] = []
        for vault in away where try lacks(vault, packed, collected, run) { lacking.append(vault) }
        let open = pending.map(\.packed.unit) + left + manifests.map(Self.manifestName) + lacking.map(\.unit)
        if let previous = attempt.previousIfComplete(upstream: upstream, pending: open.count) { return previous }
        for host in collected where !manifests.contains(where: { $0.unit == host.unit }) {
            if let vault = vaults.first,
                let record = try run.unitRecord(.ship, Self.manifestUnit(host), vault: vault.name)
            {
                before.append(record)
            }
        }
        try attempt.open(
            upstream: upstream, units: packed.count * job.vaults.count + collected.count, before: before, open: open,
            vaults: identities)
        for vault in lacking { attempt.fail(vault.unit, vault.fault) }
        try tellCosts(of: pending)
        try perform(pending, run, attempt)

        // A host's manifest names only what every open vault holds: hosts with an archive missing wait for the next attempt.
        var ready: [UnitRecord] = []
        for host in manifests where try isWholeInVaults(host, packed, run) { ready.append(host) }
        if !ready.isEmpty {
            let lock: StageLock
            do { lock = try context.directory.lockLedger(breaking: context.request.breakLock) } catch {
                // The archives are shipped; only the manifests wait for the next attempt.
                _ = try? attempt.close(isComplete: false)
                throw error
            }
            try attempt.perform(ready, atOnce: 1, name: Self.manifestName) { host in
                try commitManifest(of: host, packed, run, attempt: attempt.id)
            }
            withExtendedLifetime(lock) {}
        } else {
            // An attempt that was killed when all was committed may have left the lock's file; taking it removes it.
            _ = try? context.directory.lockLedger(breaking: false)
        }
        return try attempt.close(isComplete: left.isEmpty && ready.count == manifests.count)
    }

    /// Logs what the archives cost in each bucket, before the first of them is on its way.
    private func tellCosts(of units: [Unit]) throws(Fault) {
        let costs = try ShipmentCosts(job.vaults, context.configuration)
        for vault in vaults {
            var sum = CostEstimate()
            for unit in units where unit.vault.name == vault.name {
                if let cost = costs.estimate(unit.packed, vault: vault.name) { sum += cost }
            }
            if sum.objects > 0 { context.log.info("\(costs.line(sum, vault: vault.name))") }
        }
    }

    // MARK: Archives

    /// The record of an archive that the vault holds, verified.
    private func shippedRecord(_ packed: UnitRecord, _ run: RunDirectory, _ vault: OpenVault) throws(Fault)
        -> UnitRecord?
    {
        guard let record = try run.unitRecord(.ship, packed.unit, vault: vault.name),
            record.inputs == Self.inputs(packed), vault.isTold(by: record)
        else { return nil }
        return record
    }

    /// Whether a vault that can't be opened has not got, by the records, what is selected of a run.
    private func lacks(_ vault: AwayVault, _ packed: [UnitRecord], _ collected: [UnitRecord], _ run: RunDirectory)
        throws(Fault) -> Bool
    {
        for record in packed where context.request.selects(record.unit, tenant: record.tenant) {
            if context.request.force { return true }
            guard let shipped = try run.unitRecord(.ship, record.unit, vault: vault.name),
                shipped.inputs == Self.inputs(record)
            else { return true }
        }
        for host in collected where try run.unitRecord(.ship, Self.manifestUnit(host), vault: vault.name) == nil {
            return true
        }
        return false
    }

    /// What a record tells of an archive of this or an earlier run in a vault.
    private func shippedOutput(_ date: String, _ key: ObjectKey, _ vault: OpenVault) throws(Fault)
        -> UnitRecord.Output?
    {
        guard let date = CivilDate(date), let run = try context.directory.run(date) else { return nil }
        for unit in layout.bases(ofArchive: key, suffix: MemberCodec(ofName: key.description)?.suffix ?? "") {
            guard let record = try run.unitRecord(.ship, unit, vault: vault.name), vault.isTold(by: record),
                let output = record.outputs.first(where: { $0.path == key.description })
            else { continue }
            return output
        }
        return nil
    }

    /// The archive's name, with the codec that its file has.
    private func name(of packed: UnitRecord) throws(Fault) -> ArchiveName {
        guard let path = packed.outputs.first?.path, let codec = ArchiveName(ofArchive: path)?.codec else {
            throw Fault(.damaged, "\(packed.unit): its pack record names no archive")
        }
        return ArchiveName(packed.unit, codec)
    }

    private static func inputs(_ packed: UnitRecord) -> [String: String] {
        var inputs: [String: String] = [:]
        for output in packed.outputs.prefix(2) { inputs[output.path] = output.sha256.description }
        return inputs
    }

    private func staged(_ output: UnitRecord.Output, _ run: RunDirectory) throws(Fault) -> FileSource {
        let (directories, name) = ArchiveName.split(output.path)
        let directory = try run.directory.descend(directories.map { ByteString($0) })
        return try FileSource(try directory.openFile(ByteString(name)))
    }

    private func ship(_ unit: Unit, _ run: RunDirectory, attempt: String) throws -> StageAttempt.Outcome {
        let startedAt = context.clock.now().rfc3339
        let began = Clock.monotonic()
        let packed = unit.packed
        guard packed.outputs.count >= 2 else { throw Fault(.damaged, "\(packed.unit): its pack record names no files") }
        let (archive, index) = (packed.outputs[0], packed.outputs[1])
        let archiveSource = try staged(archive, run)
        let indexSource = try staged(index, run)
        let parts = try ArchiveIndexReader(indexSource).finish().parts
        var tags = ["coldchain-job": job.name, "coldchain-run": run.date.description]
        tags["coldchain-tenant"] = packed.tenant
        let journal = try uploadJournal(packed.unit, run, unit.vault)
        let shipment = Shipment(
            store: unit.vault.store, layout: layout, name: try name(of: packed), tags: tags, journal: journal)
        let shipped = try shipment.send(
            archive: (archiveSource, ExpectedContent(size: archive.size, sha256: archive.sha256, parts: parts)),
            index: (indexSource, ExpectedContent(size: index.size, sha256: index.sha256)))
        var record = UnitRecord(
            job: job.name, run: run.date.description, stage: .ship, unit: packed.unit, attempt: attempt,
            tool: context.tool, startedAt: startedAt, finishedAt: context.clock.now().rfc3339,
            inputs: Self.inputs(packed),
            outputs: [
                .init(path: shipped.archive.description, size: archive.size, sha256: archive.sha256),
                .init(path: shipped.index.description, size: index.size, sha256: index.sha256),
            ], counts: ["generation": Int64(shipped.generation)])
        record.tenant = packed.tenant
        record.vault = unit.vault.identity
        record.evidence = shipped.evidence.rawValue
        (record.bytesIn, record.bytesOut) = (archive.size, archive.size)
        try run.write(record, vault: unit.vault.name)
        // An archive that was there already leaves the journal of an attempt whose last answer was lost.
        try journal.end()
        context.log.info(
            "\(shipped.archive) \(shipped.wasThere ? "was there already in" : "shipped to") \(unit.vault.name), \(Figures.bytes(archive.size)), proved by \(shipped.evidence), \(Figures.seconds(Clock.monotonic() - began))"
        )
        return .init(bytesIn: archive.size, bytesOut: archive.size)
    }

    /// Where an upload of the archive notes the parts that have arrived.
    private func uploadJournal(_ unit: String, _ run: RunDirectory, _ vault: OpenVault) throws(Fault)
        -> FilePartsJournal
    {
        let (directory, name) = try run.place(beside: unit, .ship, vault: vault.name, suffix: ".upload.jsonl")
        return FilePartsJournal(name, in: directory)
    }

    // MARK: Manifests

    /// What a host's manifest is made from: its list and the archives with its entries.
    private func manifestInputs(
        _ host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory, _ vault: OpenVault
    ) throws(Fault) -> [String: String] {
        var inputs: [String: String] = [:]
        if let list = host.outputs.first { inputs[list.path] = list.sha256.description }
        for record in packed where record.hosts?.contains(where: { $0.host == host.unit }) ?? false {
            inputs.merge(Self.inputs(record)) { $1 }
            let shipped = try run.unitRecord(.ship, record.unit, vault: vault.name)
            if let object = shipped?.outputs.first { inputs["object " + record.unit] = object.path }
        }
        // Once they are back, or no vaults of the job any more, the manifest is due again, and then for the ledger, too.
        for vault in away { inputs["without vault " + vault.name] = "" }
        return inputs
    }

    private static func manifestUnit(_ host: UnitRecord) -> String { "_manifest/\(host.unit)" }

    @Sendable private static func manifestName(_ host: UnitRecord) -> String { "\(host.unit) manifest" }

    private func isCommitted(_ host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory) throws(Fault) -> Bool {
        for vault in vaults {
            guard let record = try run.unitRecord(.ship, Self.manifestUnit(host), vault: vault.name),
                vault.isTold(by: record), try record.inputs == manifestInputs(host, packed, run, vault)
            else { return false }
        }
        return true
    }

    /// Whether everything that was taken from the host is in archives, and these in every vault that is open.
    private func isWholeInVaults(_ host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory) throws(Fault) -> Bool
    {
        var entries: Int64 = 0
        for record in packed {
            guard let share = record.hosts?.first(where: { $0.host == host.unit }) else { continue }
            entries += share.entries
            for vault in vaults where try shippedRecord(record, run, vault) == nil { return false }
        }
        return entries == host.counts["taken"] ?? 0
    }

    /// Builds a host's manifest for each vault and puts it there; once every vault of the job has one, commits the first
    /// one's to the ledger.
    private func commitManifest(of host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory, attempt: String)
        throws
        -> StageAttempt.Outcome
    {
        let startedAt = context.clock.now().rfc3339
        let commit = ManifestCommit(
            host: host.unit, run: run.date, layout: layout, ledger: try context.directory.ledger(),
            scratch: context.staging.scratch, shipped: shippedOutput)
        guard let list = host.outputs.first else { throw Fault(.damaged, "\(host.unit): its record names no list") }
        var manifests: [(vault: OpenVault, built: ManifestCommit.Built)] = []
        for vault in vaults {
            let shares = try shares(of: host, packed, run, vault)
            manifests.append((vault, try commit.build(try staged(list, run), shares: shares, vault: vault)))
        }
        var outputs: [ManifestCommit.Output] = []
        for manifest in manifests { outputs.append(try commit.put(manifest.built, vault: manifest.vault.store)) }
        // From here on later runs may carry what the manifest lists, so every vault must have it, those that are away too.
        if away.isEmpty, let first = manifests.first?.built, let number = outputs.first?.number {
            try commit.commitToLedger(first, number: number)
        }
        for (manifest, output) in zip(manifests, outputs) {
            let (vault, built) = manifest
            var record = UnitRecord(
                job: job.name, run: run.date.description, stage: .ship, unit: Self.manifestUnit(host), attempt: attempt,
                tool: context.tool, startedAt: startedAt, finishedAt: context.clock.now().rfc3339,
                inputs: try manifestInputs(host, packed, run, vault),
                outputs: [.init(path: output.key.description, size: built.size, sha256: built.sha256)],
                counts: ["entries": built.entries, "number": Int64(output.number)])
            record.vault = vault.identity
            record.evidence = output.evidence.rawValue
            (record.bytesIn, record.bytesOut) = (0, built.size)
            try run.write(record, vault: vault.name)
        }
        let missing = away.map(\.unit).joined(separator: ", ")
        let waits = away.isEmpty ? "" : ", but not to the ledger, which waits for \(missing)"
        context.log.info("\(host.unit): manifest of run \(run.date) committed\(waits)")
        return .init(bytesIn: 0, bytesOut: manifests.reduce(0) { $0 + $1.built.size })
    }

    /// What the archives in a vault hold of a host.
    private func shares(of host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory, _ vault: OpenVault)
        throws(Fault)
        -> [ManifestBuilder.Share]
    {
        var shares: [ManifestBuilder.Share] = []
        for record in packed {
            guard let share = record.hosts?.first(where: { $0.host == host.unit }) else { continue }
            guard let shipped = try run.unitRecord(.ship, record.unit, vault: vault.name),
                let object = shipped.outputs.first, let firstKey = PathEscape.unescape(share.firstKey)
            else { throw Fault(.damaged, "\(record.unit): its records of pack and ship do not fit together") }
            shares.append(
                .init(firstKey: firstKey, entries: share.entries, object: object.path, storageClass: "") {
                    () throws(Fault) -> ArchiveIndexReader in
                    try ArchiveIndexReader(try staged(record.outputs[1], run))
                })
        }
        return shares
    }

    // MARK: Dry run

    private struct DryRun: Codable {
        var run: String
        var vault: String
        var key: String
        var bytes: Int64
        var isPending: Bool
        /// Of what would be shipped into a bucket.
        var cost: CostEstimate?
    }

    /// Prints the archives that a run would ship.
    func dryRun(_ output: Output) throws -> Int32 {
        var results: [DryRun] = []
        let costs = try ShipmentCosts(job.vaults, context.configuration)
        var sums: [String: CostEstimate] = [:]
        let runs = try pendingRuns()
        for run in runs {
            for vault in vaults {
                for record in try run.unitRecords(.pack)
                where context.request.selects(record.unit, tenant: record.tenant) {
                    let isPending = try context.request.force || shippedRecord(record, run, vault) == nil
                    let cost = isPending ? costs.estimate(record, vault: vault.name) : nil
                    if let cost { sums[vault.name, default: CostEstimate()] += cost }
                    results.append(
                        DryRun(
                            run: run.date.description, vault: vault.name,
                            key: try layout.archive(record.unit, generation: 1, suffix: name(of: record).codec.suffix)
                                .description,
                            bytes: record.outputs.first?.size ?? 0,
                            isPending: isPending, cost: cost))
                }
            }
        }
        if results.isEmpty { try PendingRuns(context).checkSelection(wasPending: !runs.isEmpty) }
        try output.result(results) {
            if results.isEmpty { return "nothing to ship" }
            var table = TextTable(["RUN", "VAULT", "OBJECT", "SIZE", ""], right: [3])
            for result in results {
                table.add([
                    result.run, result.vault, result.key, Figures.bytes(result.bytes),
                    result.isPending ? "would be shipped" : "is there",
                ])
            }
            let lines = sums.sorted { $0.key < $1.key }.map { costs.line($0.value, vault: $0.key) }
            return ([table.text] + lines).joined(separator: "\n")
        }
        for vault in away { context.log.error("\(vault.fault)\(vault.fault.hint.map { " HINT: \($0)" } ?? "")") }
        return away.isEmpty ? ExitStatus.done : ExitStatus.partial
    }
}
