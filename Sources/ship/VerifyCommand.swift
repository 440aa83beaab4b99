import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging
import Vault

/// `ship verify JOB`: compares what the manifests name with what the vault has.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare what the manifests name with what the vault has.",
        discussion: """
            Looks at every object that the manifests in the vault name: whether it is there, its size, class, checksum, \
            lock and tags, and what versions hide; and for objects that nothing names. Indexes, digests and manifests are \
            always proved, archives by the store's checksum, and a sample of them by reading. Exits with 3 when \
            anything is wrong.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: VaultOptions
    @Option(
        name: .long,
        help: ArgumentHelp("Read so many percent of the archives, such as 5 or 0.1.", valueName: "percent"))
    var sample: String?
    @Option(name: .customLong("run"), help: ArgumentHelp("Only the run of this data date.", valueName: "date"))
    var date: String?

    private var percent: Double? {
        guard let sample else { return 0 }
        return Double(sample.hasSuffix("%") ? sample.dropLast() : sample[...]).flatMap {
            (0...100).contains($0) ? $0 : nil
        }
    }

    func validate() throws {
        if let date, CivilDate(date) == nil {
            throw ValidationError("--run '\(date)': expected a date such as 2026-11-20")
        }
        if percent == nil { throw ValidationError("--sample '\(sample ?? "")': expected 0 to 100 percent") }
    }

    func run() throws {
        try Door.run {
            let (settings, vault) = try options.open(common)
            let selection = options.selection([])
            if let warehouse = settings.warehouse, let chosen = settings.vaults.first(where: { $0.name == vault.name })
            {
                let verification = DatabaseVerification(
                    warehouse: warehouse, vault: try BucketVault(chosen, vault),
                    layout: VaultLayout(job: settings.name), selection: selection, common: common)
                return try verification.verify(run: date.flatMap { CivilDate($0) })
            }
            let (records, departing) = try told(settings, vault)
            let verification = VaultVerification(
                store: vault.store, layout: VaultLayout(job: settings.name), records: records, departing: departing,
                share: (percent ?? 0) / 100)
            let isWhole = date == nil && options.tenant == nil && options.host == nil
            var verdict = try verification.verify(run: date.flatMap { CivilDate($0) }, selection, isWhole: isWhole)
            try selection.checkAllMatched(in: "job '\(settings.name)'")
            verdict.sort()
            try common.output.result(verdict) { verdict.text }
            return verdict.status
        }
    }

    /// What staging tells of the vault's objects; nothing where there is no staging, as on a new server.
    private func told(_ settings: JobSettings, _ vault: OpenVault) throws(Fault)
        -> (records: [ObjectKey: UnitRecord.Output], departing: Set<ObjectKey>)
    {
        let directory: JobDirectory
        do throws(Fault) { directory = try StagingArea.open(try common.settings()).job(settings.name) } catch {
            if error.code == .interrupted { throw error }
            common.logger().info("without the records of staging: \(error)")
            return ([:], [])
        }
        var outputs: [ObjectKey: UnitRecord.Output] = [:]
        for date in try directory.runs() {
            for record in try directory.run(date)?.unitRecords(.ship, vault: vault.name) ?? []
            where vault.isTold(by: record) {
                for output in record.outputs { outputs[try ObjectKey(output.path)] = output }
            }
        }
        return (outputs, try departing(vault, directory))
    }

    /// What prune has marked or is taking back, with what lies beside it.
    private func departing(_ vault: OpenVault, _ directory: JobDirectory) throws(Fault) -> Set<ObjectKey> {
        let layout = VaultLayout(job: directory.name)
        var keys: Set<ObjectKey> = []
        for departure in try Departures(vault, of: directory).entries.values where departure.state != .quarantined {
            let key = try ObjectKey(departure.key)
            keys.formUnion(
                departure.kind == .archive ? layout.group(ofArchive: key) : layout.group(ofManifest: key))
        }
        return keys
    }
}
