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
    private let retired: RetiredObjects
    private let heads: Heads

    /// What the vaults said: an archive of many hosts is asked for once.
    typealias Heads = Monitor<[String: ObjectHead?]>

    /// Whether the content of a host may go from staging, and why, or why not.
    enum Verdict {
        case stays(String)
        case goes(String)
    }

    static let isHeld = "every vault holds it"

    /// What was made since prune has let the same go.
    static func isNew(_ vault: String, _ run: RunDirectory) -> String {
        "it was made anew since vault \(vault) let it go: 'ship \(run.job.name) --run \(run.date) --force' sends it"
    }

    static func letGo(in vaults: [String]) -> String {
        "every vault held it, until prune let it go in \(vaults.joined(separator: ", "))"
    }

    init(
        _ vaults: [OpenVault], _ settings: RetentionSettings, _ heads: Heads, _ history: RetirementHistory
    ) throws(Fault) {
        self.vaults = vaults
        self.heads = heads
        ledger = try history.job.ledger()
        evidence = Evidence(rawValue: settings.evidence) ?? .checksum
        retired = try RetiredObjects(vaults, history)
    }

    /// Decides about the content of a host: it goes when every vault holds all of it for long enough, or held it, verified,
    /// until our own prune has let it go there.
    func verdict(
        _ host: UnitRecord, _ packed: [UnitRecord], _ run: RunDirectory, before limit: Timestamp
    ) throws(Fault) -> Verdict {
        guard let list = host.outputs.first else { return .stays("its record names no list") }
        guard !vaults.isEmpty else { return .stays("the job has no vault") }
        let unit = UnitRecord.manifestUnit(ofHost: host.unit)
        let number = try ledger.units(of: run.date)[host.unit]
        // With the first vault that lets it go the ledger has it no more.
        let past = number == nil ? try whoLetGo(unit, run) : []
        if number == nil, past.isEmpty {
            return .stays("its manifest is not committed: 'ship \(run.job.name) --run \(run.date)' does that")
        }
        let archives = packed.filter { $0.share(of: host.unit) != nil }
        let entries = archives.reduce(Int64(0)) { $0 + ($1.share(of: host.unit)?.entries ?? 0) }
        guard entries == host.counts["taken"] ?? 0 else { return .stays("not all of it is packed") }
        for vault in vaults {
            guard let manifest = try run.unitRecord(.ship, unit, vault: vault.name), vault.isTold(by: manifest),
                manifest.inputs[list.path] == list.sha256.description, !manifest.lacksVault
            else { return .stays("vault \(vault.name) has no manifest of it") }
            guard let shipped = Timestamp(rfc3339: manifest.finishedAt), shipped <= limit else {
                return .stays("keep_local")
            }
            // The number in the ledger is that of the first vault.
            if let number, vault.name == vaults.first?.name, let own = manifest.counts["number"], own != Int64(number) {
                return .stays("its manifest is not the newest one")
            }
            var records = [manifest]
            for archive in archives {
                guard let record = try run.unitRecord(.ship, archive.unit, vault: vault.name),
                    record.inputs == archive.shippedInputs, vault.isTold(by: record)
                else { return .stays("vault \(vault.name) has not got \(archive.unit)") }
                records.append(record)
            }
            for record in records { if let why = whyNotProved(record, vault) { return .stays(why) } }
            var living = records
            if past.contains(vault.name) {
                // What was made since is nowhere else, though it may have the same bytes.
                let pairs = zip([host] + archives, records)
                guard pairs.allSatisfy({ RetiredObjects.isOlder($0, than: $1) }) else {
                    return .stays(Self.isNew(vault.name, run))
                }
                living = []
                for record in records where try !retired.hasFirst(of: record, in: vault.name, of: run.date) {
                    living.append(record)
                }
            }
            try look(living.flatMap(\.outputs), vault)
            for record in living { if let why = try whyNot(record, vault) { return .stays(why) } }
        }
        return .goes(past.isEmpty ? Self.isHeld : Self.letGo(in: past))
    }

    /// The vaults in which prune has let the manifest of a unit go, as it was shipped.
    private func whoLetGo(_ unit: String, _ run: RunDirectory) throws(Fault) -> [String] {
        var names: [String] = []
        for vault in vaults {
            guard let manifest = try run.unitRecord(.ship, unit, vault: vault.name), vault.isTold(by: manifest),
                !manifest.lacksVault
            else { continue }
            if try retired.hasFirst(of: manifest, in: vault.name, of: run.date) { names.append(vault.name) }
        }
        return names
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
            if retired.mayBeMarked(key, in: vault.name) { return "vault \(vault.name) is to delete \(key)" }
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
