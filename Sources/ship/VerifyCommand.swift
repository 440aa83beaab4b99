import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault

/// `ship verify JOB`: compares what the manifests name with what the vault has.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare what the manifests name with what the vault has.",
        discussion: """
            Looks for the manifests that the ledger, the records or delete markers tell of, and at every object that the \
            manifests in the vault name: whether it is there, its size, class, checksum, \
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
            let (account, scratch, absence) = try account(settings, vault)
            let verification = VaultVerification(
                store: vault.store, layout: VaultLayout(job: settings.name), account: account, scratch: scratch,
                share: (percent ?? 0) / 100)
            let isWhole = date == nil && options.tenant == nil && options.host == nil
            var verdict = try verification.verify(run: date.flatMap { CivilDate($0) }, selection, isWhole: isWhole)
            verdict.withoutStaging = absence?.description
            try selection.checkAllMatched(in: "job '\(settings.name)'")
            verdict.sort()
            try common.output.result(verdict) { verdict.text }
            return verdict.status
        }
    }

    /// What staging tells of the vault's objects; nothing but why where there is no staging, as on a new server.
    private func account(_ settings: JobSettings, _ vault: OpenVault) throws(Fault)
        -> (account: ShippingAccount?, scratch: Directory, absence: Fault?)
    {
        do throws(Fault) {
            let staging = try StagingArea.open(try common.settings())
            let account = ShippingAccount(
                directory: try staging.job(settings.name), vault: vault,
                isFirst: settings.vaults.first?.name == vault.name)
            return (account, staging.scratch, nil)
        } catch {
            if error.code == .interrupted { throw error }
            return (nil, try Directory.open(RestoreCommand.scratch), error)
        }
    }
}
