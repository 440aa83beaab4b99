import Archive
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault

/// Archives, and what the records tell of them.
extension ShipStage {
    /// The record of an archive that the vault holds, verified.
    func shippedRecord(_ packed: UnitRecord, _ run: RunDirectory, _ vault: OpenVault) throws(Fault)
        -> UnitRecord?
    {
        guard let record = try run.unitRecord(.ship, packed.unit, vault: vault.name),
            record.inputs == packed.shippedInputs, vault.isTold(by: record)
        else { return nil }
        return record
    }

    /// Whether a vault that can't be opened has not got, by the records, what is selected of a run.
    func lacks(_ vault: AwayVault, _ packed: [UnitRecord], _ collected: [UnitRecord], _ run: RunDirectory)
        throws(Fault) -> Bool
    {
        for record in packed where context.request.selects(record.unit, tenant: record.tenant) {
            if context.request.force { return true }
            guard let shipped = try run.unitRecord(.ship, record.unit, vault: vault.name),
                shipped.inputs == record.shippedInputs
            else { return true }
        }
        for host in collected {
            guard let record = try run.unitRecord(.ship, UnitRecord.manifestUnit(ofHost: host.unit), vault: vault.name),
                try Self.names(record.inputs) == Self.names(manifestInputs(host, packed, run, vault: vault.name))
            else { return true }
        }
        return false
    }

    /// What a record tells of an archive of this or an earlier run in a vault.
    func shippedOutput(_ date: String, _ key: ObjectKey, _ vault: OpenVault) throws(Fault)
        -> ManifestCommit.Shipped?
    {
        guard let date = CivilDate(date), let run = try context.directory.run(date) else { return nil }
        for unit in layout.bases(ofArchive: key, suffix: MemberCodec(ofName: key.description)?.suffix ?? "") {
            guard let record = try run.unitRecord(.ship, unit, vault: vault.name), vault.isTold(by: record),
                let output = record.outputs.first(where: { $0.path == key.description })
            else { continue }
            return ManifestCommit.Shipped(output: output, attempt: record.attempt)
        }
        return nil
    }

    /// The archive's name, with the codec that its file has.
    func name(of packed: UnitRecord) throws(Fault) -> ArchiveName {
        guard let path = packed.outputs.first?.path, let codec = ArchiveName(ofArchive: path)?.codec else {
            throw Fault(.damaged, "\(packed.unit): its pack record names no archive")
        }
        return ArchiveName(packed.unit, codec)
    }

    func staged(_ output: UnitRecord.Output, _ run: RunDirectory) throws(Fault) -> FileSource {
        let (directories, name) = ArchiveName.split(output.path)
        let directory = try run.directory.descend(directories.map { ByteString($0) })
        return try FileSource(try directory.openFile(ByteString(name)))
    }

    /// Ships an archive into a vault and records it there.
    func ship(_ unit: Unit, _ run: RunDirectory, attempt: String) throws -> StageAttempt.Outcome {
        let startedAt = context.clock.now().rfc3339
        let began = Clock.monotonic()
        let packed = unit.packed
        guard packed.outputs.count >= 2 else { throw Fault(.damaged, "\(packed.unit): its pack record names no files") }
        if let at = try run.pruneMark().time(of: packed) { throw PruneMark.fault(packed.unit, at: at, run) }
        let (archive, index) = (packed.outputs[0], packed.outputs[1])
        let archiveSource = try staged(archive, run)
        let indexSource = try staged(index, run)
        let described = try ArchiveIndexReader(indexSource).finish()
        // The parts are proved one by one, so that they must be those of the archive that the record tells of.
        guard described.header.size == archive.size, described.header.sha256 == archive.sha256 else {
            throw Fault(
                .damaged, "\(indexSource.name): is of another archive than '\(archive.path)' in its record",
                hint: "Run 'pack \(job.name) --run \(run.date) --only \(packed.unit) --force'.")
        }
        var tags = ["coldchain-job": job.name, "coldchain-run": run.date.description]
        tags["coldchain-tenant"] = packed.tenant.map(S3Store.tagValue)
        let journal = try uploadJournal(packed.unit, run, unit.vault)
        let shipment = Shipment(
            store: unit.vault.store, layout: layout, name: try name(of: packed), tags: tags, journal: journal)
        let shipped = try shipment.send(
            archive: (
                archiveSource, ExpectedContent(size: archive.size, sha256: archive.sha256, parts: described.parts)
            ),
            index: (indexSource, ExpectedContent(size: index.size, sha256: index.sha256)))
        var record = UnitRecord(
            job: job.name, run: run.date.description, stage: .ship, unit: packed.unit, attempt: attempt,
            tool: context.tool, startedAt: startedAt, finishedAt: context.clock.now().rfc3339,
            inputs: packed.shippedInputs,
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
        // What was there already has been paid for.
        let cost = shipped.wasThere ? nil : costs?.estimate(packed, vault: unit.vault.name)
        return .init(
            bytesIn: archive.size, bytesOut: archive.size, costs: cost.map { [unit.vault.name: $0] } ?? [:])
    }

    /// Where an upload of the archive notes the parts that have arrived.
    private func uploadJournal(_ unit: String, _ run: RunDirectory, _ vault: OpenVault) throws(Fault)
        -> FilePartsJournal
    {
        let (directory, name) = try run.place(beside: unit, .ship, vault: vault.name, suffix: ".upload.jsonl")
        return FilePartsJournal(name, in: directory)
    }
}
