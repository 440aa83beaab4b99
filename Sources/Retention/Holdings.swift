import Codec
import Ledger
import Platform
import Settings
import Staging
import Vault

/// What the vaults of a job hold of a run: by the records, and by what the vaults say now.
struct Holdings: Sendable {
    private let vaults: [OpenVault]
    private let ledger: LedgerDirectory
    private let evidence: Evidence
    private let departures: [String: Departures]
    private let heads: Heads

    /// What the vaults said: an archive of many hosts is asked for once.
    typealias Heads = Monitor<[String: ObjectHead?]>

    init(_ vaults: [OpenVault], of job: JobDirectory, _ settings: RetentionSettings, _ heads: Heads) throws(Fault) {
        self.vaults = vaults
        self.heads = heads
        ledger = try job.ledger()
        evidence = Evidence(rawValue: settings.evidence) ?? .checksum
        var departures: [String: Departures] = [:]
        for vault in vaults { departures[vault.name] = try Departures(vault, of: job) }
        self.departures = departures
    }

    /// Why the content of a host has to stay, or nothing when every vault holds all of it for long enough.
    func whyNot(_ host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory, before limit: Timestamp) throws(Fault)
        -> String?
    {
        guard let list = host.outputs.first else { return "its record names no list" }
        guard let number = try ledger.units(of: run.date)[host.unit] else { return "its manifest is not committed" }
        guard !vaults.isEmpty else { return "the job has no vault" }
        let archives = packed.filter { $0.share(of: host.unit) != nil }
        let entries = archives.reduce(Int64(0)) { $0 + ($1.share(of: host.unit)?.entries ?? 0) }
        guard entries == host.counts["taken"] ?? 0 else { return "not all of it is packed" }
        for vault in vaults {
            let unit = UnitRecord.manifestUnit(ofHost: host.unit)
            guard let manifest = try run.unitRecord(.ship, unit, vault: vault.name), vault.isTold(by: manifest),
                manifest.inputs[list.path] == list.sha256.description,
                !manifest.inputs.keys.contains(where: { $0.hasPrefix("without vault ") })
            else { return "vault \(vault.name) has no manifest of it" }
            guard let shipped = Timestamp(rfc3339: manifest.finishedAt), shipped <= limit else {
                return "keep_local"
            }
            // The number in the ledger is that of the first vault.
            if vault.name == vaults.first?.name, let own = manifest.counts["number"], own != Int64(number) {
                return "its manifest is not the newest one"
            }
            var records = [manifest]
            for archive in archives {
                guard let record = try run.unitRecord(.ship, archive.unit, vault: vault.name),
                    record.inputs == archive.shippedInputs, vault.isTold(by: record)
                else { return "vault \(vault.name) has not got \(archive.unit)" }
                records.append(record)
            }
            for record in records { if let why = whyNotProved(record, vault) { return why } }
            try look(records.flatMap(\.outputs), vault)
            for record in records { if let why = try whyNot(record, vault) { return why } }
        }
        return nil
    }

    /// Why a record is not evidence enough.
    private func whyNotProved(_ record: UnitRecord, _ vault: OpenVault) -> String? {
        guard let found = record.evidence.flatMap({ Evidence(rawValue: $0) }), found >= evidence else {
            return "vault \(vault.name) proved it by \(record.evidence ?? "nothing") alone"
        }
        return nil
    }

    /// Requests at once.
    private static let atOnce = 8

    /// Asks a vault for some objects, several at once: in a bucket nearly all of it is waiting for answers.
    private func look(_ outputs: [UnitRecord.Output], _ vault: OpenVault) throws(Fault) {
        try ThreadCrew.each(outputs, atOnce: vault.store.removesByItself ? Self.atOnce : 1, "heads") {
            output throws(Fault) in
            _ = try head(try ObjectKey(output.path), vault)
        }
    }

    /// Why a vault does not hold the objects of a record now, or not for long.
    private func whyNot(_ record: UnitRecord, _ vault: OpenVault) throws(Fault) -> String? {
        for output in record.outputs {
            let key = try ObjectKey(output.path)
            guard let head = try head(key, vault) else { return "vault \(vault.name) has lost \(key)" }
            guard head.size == output.size else { return "vault \(vault.name) has \(head.size) bytes as \(key)" }
            if departures[vault.name]?.mayBeMarked(key) ?? false { return "vault \(vault.name) is to delete \(key)" }
        }
        return nil
    }

    private func head(_ key: ObjectKey, _ vault: OpenVault) throws(Fault) -> ObjectHead? {
        let name = "\(vault.name) \(key)"
        if let known = heads.with({ $0[name] }) { return known }
        let head = try vault.store.head(key)
        _ = heads.with { $0.updateValue(head, forKey: name) }
        return head
    }
}
