import Archive
import Codec
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault

/// The manifest of each host, once every archive with its entries is in the vaults.
extension ShipStage {
    /// What a host's manifest is made from: its list and the archives with its entries.
    func manifestInputs(
        _ host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory, vault: String
    ) throws(Fault) -> [String: String] {
        var inputs: [String: String] = [:]
        if let list = host.outputs.first { inputs[list.path] = list.sha256.description }
        for record in packed where record.hosts?.contains(where: { $0.host == host.unit }) ?? false {
            inputs.merge(record.shippedInputs) { $1 }
            let shipped = try run.unitRecord(.ship, record.unit, vault: vault)
            if let object = shipped?.outputs.first { inputs["object " + record.unit] = object.path }
        }
        // Once they are back, or no vaults of the job any more, the manifest is due again, and then for the ledger, too.
        for vault in away { inputs[Self.without + vault.name] = "" }
        return inputs
    }

    private static let without = "without vault "

    /// The inputs that are files and objects.
    static func names(_ inputs: [String: String]) -> [String: String] {
        inputs.filter { !$0.key.hasPrefix(without) }
    }

    @Sendable static func manifestName(_ host: UnitRecord) -> String { "\(host.unit) manifest" }

    func isCommitted(_ host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory) throws(Fault) -> Bool {
        for vault in vaults {
            guard let record = try run.unitRecord(.ship, UnitRecord.manifestUnit(ofHost: host.unit), vault: vault.name),
                vault.isTold(by: record), try record.inputs == manifestInputs(host, packed, run, vault: vault.name)
            else { return false }
        }
        return true
    }

    /// Whether everything that was taken from the host is in archives, and these in every vault that is open.
    func isWholeInVaults(_ host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory) throws(Fault) -> Bool {
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
    ///
    /// - Parameters:
    ///   - host: its record of collect.
    ///   - packed: the records of the run's archives.
    ///   - run: the run.
    ///   - attempt: the id of this attempt.
    ///   - rescue: takes back what was on its way out, under the lock that is held.
    /// - Returns: what it came to.
    /// - Throws: the fault of a vault or of staging; `damaged` for an archive that is not there.
    func commitManifest(
        of host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory, attempt: String,
        rescue: @escaping (_ key: ObjectKey, _ vault: OpenVault) throws(Fault) -> Void
    ) throws -> StageAttempt.Outcome {
        let startedAt = context.clock.now().rfc3339
        let commit = ManifestCommit(
            host: host.unit, run: run.date, layout: layout, ledger: try context.directory.ledger(),
            scratch: context.staging.scratch, clock: context.clock, attempt: attempt,
            shipped: shippedOutput, rescue: rescue)
        guard let list = host.outputs.first else { throw Fault(.damaged, "\(host.unit): its record names no list") }
        var manifests: [(vault: OpenVault, built: ManifestCommit.Built)] = []
        for vault in vaults {
            let shares = try shares(of: host, packed, run, vault)
            manifests.append((vault, try commit.build(try staged(list, run), shares: shares, vault: vault)))
        }
        var outputs: [ManifestCommit.Output] = []
        for manifest in manifests { outputs.append(try commit.put(manifest.built, into: manifest.vault)) }
        // From here on later runs may carry what the manifest lists, so every vault must have it, those that are away too.
        if away.isEmpty, let first = manifests.first?.built, let number = outputs.first?.number {
            try commit.commitToLedger(first, number: number)
        }
        for (manifest, output) in zip(manifests, outputs) {
            let (vault, built) = manifest
            var record = UnitRecord(
                job: job.name, run: run.date.description, stage: .ship,
                unit: UnitRecord.manifestUnit(ofHost: host.unit), attempt: attempt,
                tool: context.tool, startedAt: startedAt, finishedAt: context.clock.now().rfc3339,
                inputs: try manifestInputs(host, packed, run, vault: vault.name),
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
                .init(firstKey: firstKey, entries: share.entries, object: object.path, storageClass: vault.storageClass)
                {
                    () throws(Fault) -> ArchiveIndexReader in
                    try ArchiveIndexReader(try staged(record.outputs[1], run))
                })
        }
        return shares
    }
}
